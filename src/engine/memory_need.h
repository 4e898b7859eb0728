#pragma once

// What a session will take of the machine's memory, estimated before anything is allocated. Internal to this part;
// pure but for available_memory().

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace urial::engine {

/// What decides the sizes; zeros where a model has no such thing.
struct MemoryShape {
    std::uint64_t weight_bytes = 0;
    bool weights_are_mapped = false;  ///< pages of the file, which the system can drop and read again
    std::uint64_t cells = 0;          ///< tokens of the cache
    std::uint64_t cell_numbers = 0;   ///< keys and values of one token, over all layers
    std::uint64_t number_bytes = 2;   ///< of one key or value
    std::uint64_t rows = 0;           ///< of one batch
    std::uint64_t logit_rows = 0;     ///< of one batch
    std::uint64_t vocabulary = 0;
    std::uint64_t embedding = 0;
    std::uint64_t feed_forward = 0;
    std::uint64_t heads = 0;
    bool flash_attention = true;  ///< false: the products of all rows, heads and cells lie in memory
};

/// What the metadata of a model file says, but for the weights; `text` gives a key's value as text, a list as
/// "[1, 2]", and nothing where the key is not there.
MemoryShape shape_of(const std::function<std::string(const std::string& key)>& text, std::uint64_t vocabulary);

struct MemoryNeed {
    std::uint64_t weights = 0;  ///< bytes, as the others
    std::uint64_t cache = 0;
    std::uint64_t buffers = 0;
    std::uint64_t total() const { return weights + cache + buffers; }
};

MemoryNeed estimate_memory(const MemoryShape& shape);

/// Bytes of one row of logits.
std::uint64_t logit_row_bytes(const MemoryShape& shape);

/// What of it the GPUs will hold that have `layers` of `of` layers (their weights are there already), and what the
/// machine, which reads logits from buffers of `output_bytes`.
MemoryNeed on_devices(const MemoryNeed& need, int layers, int of);
MemoryNeed beside_devices(const MemoryNeed& need, int layers, int of, std::uint64_t output_bytes);

/// "3.1 GB (241 MB weights, 2.8 GB cache of 32768 tokens, 60 MB buffers)"; weights of 0 are left out.
std::string describe(const MemoryNeed& need, std::uint64_t cells);

/// What this process can still take: what the system has left, or less where a control group limits it. nullopt where
/// the system does not say. `root` is where the system's files lie.
std::optional<std::uint64_t> available_memory(const std::filesystem::path& root = "/");

}  // namespace urial::engine

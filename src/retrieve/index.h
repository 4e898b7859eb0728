#pragma once

// The nearest of many texts to others, by the products of their vectors: all of them compared up to a number, beyond it
// by a graph (hnswlib), which may miss some. An index is kept in a folder by the hash of the texts and what made their
// vectors.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/encoder.h"

namespace urial::retrieve {

struct Neighbour {
    std::size_t position = 0;  ///< among the texts
    float similarity = 0;      ///< the cosine, -1 to 1
};

/// What turns texts into vectors: an encoder in this process, or a server. Any thread.
class Embedder {
public:
    virtual ~Embedder() = default;
    /// What the vectors depend on: another identity, another index.
    virtual std::string identity() const = 0;
    virtual std::size_t dimension() const = 0;
    /// [texts, dimension], each of length 1. Throws what the engine or the server throws.
    virtual std::vector<float> embed(std::span<const std::string> texts,
                                     const engine::EncodeOptions& options = {}) const = 0;
};

/// By an encoder in this process.
std::shared_ptr<const Embedder> embedder_of(std::shared_ptr<const engine::Encoder> encoder);

/// Immutable; any thread.
class Index {
public:
    virtual ~Index() = default;
    virtual std::size_t size() const = 0;
    virtual std::size_t dimension() const = 0;
    virtual bool is_exact() const = 0;
    /// The `count` nearest texts to a vector of length 1, or all, the nearest first, those that are as near by their
    /// position; without those that `is_left_out` (may be empty), of which a graph expects no more than some dozens.
    virtual std::vector<Neighbour> nearest(std::span<const float> vector, std::size_t count,
                                           const std::function<bool(std::size_t position)>& is_left_out = {}) const = 0;
};

struct IndexOptions {
    std::optional<std::filesystem::path> folder;  ///< where indices are kept; nullopt: none are
    std::size_t most_exact = 100'000;             ///< texts that are all compared
    int threads = 0;                              ///< of the building and of an exact search; 0: one per core
    engine::Watch watch;  ///< of the building; `progress` gets texts, `detail` where it came from
};

/// From the folder, or built and put there. A kept file that is damaged is built anew; one that cannot be written is a
/// line of Watch::warning. Throws Cancelled and what Embedder::embed throws.
std::shared_ptr<const Index> open_index(const Embedder& embedder, std::span<const std::string> texts,
                                        const IndexOptions& options);

}  // namespace urial::retrieve

#pragma once

// Writes a GGUF (version 3): metadata pairs and tensors, in the order in which they were added. Not thread-safe.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace urial::models {

class GgufWriter {
public:
    enum class TensorType : std::uint32_t { F32 = 0, F16 = 1 };

    void text(std::string_view key, std::string_view value);
    void number(std::string_view key, std::uint32_t value);
    void real(std::string_view key, float value);
    void texts(std::string_view key, const std::vector<std::string>& values);
    void integers(std::string_view key, const std::vector<std::int32_t>& values);

    /// `sizes`: a row's length first, as GGUF has it. `numbers` is asked for them while the file is written.
    void tensor(std::string name, std::vector<std::uint64_t> sizes, TensorType type,
                std::function<std::vector<float>()> numbers);

    /// Atomically. `progress` (may be empty) is called after each tensor with the bytes of data that are written and
    /// that there will be; what it throws ends the writing. Throws Error{Io}.
    void write(const std::filesystem::path& path,
               const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) const;

private:
    struct Tensor {
        std::string name;
        std::vector<std::uint64_t> sizes;
        TensorType type;
        std::function<std::vector<float>()> numbers;
        std::uint64_t bytes = 0;
    };

    std::string pairs_;
    std::uint64_t pair_count_ = 0;
    std::vector<Tensor> tensors_;
};

}  // namespace urial::models

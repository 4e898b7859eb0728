#pragma once

// Tensors of a safetensors file. The file is untrusted: its header is read within limits, and every tensor must lie
// whole inside the file. Nothing is kept in memory but the header; reading is not thread-safe.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace urial::models {

class Safetensors {
public:
    /// Throws Error{NotFound|Io|BadInput}.
    explicit Safetensors(std::filesystem::path path);

    bool has(const std::string& name) const { return tensors_.contains(name); }
    /// Throws Error{BadInput} where it is not there.
    void check(const std::string& name) const;
    /// The numbers of a tensor of type F32, F16 or BF16 as f32, row by row. Throws Error{BadInput} where it is not
    /// there, or of another type or shape.
    std::vector<float> read(const std::string& name, const std::vector<std::uint64_t>& shape);

private:
    struct Tensor {
        std::string type;
        std::vector<std::uint64_t> shape;
        std::uint64_t begin = 0, end = 0;  // in the file
    };

    [[noreturn]] void fail(std::string_view reason) const;
    void read_header();

    std::filesystem::path path_;
    std::ifstream file_;
    std::uint64_t size_ = 0;
    std::map<std::string, Tensor> tensors_;
};

}  // namespace urial::models

#pragma once

// The header of a GGUF and the numbers of its tensors, for models that are computed here and not by llama.cpp. Errors
// name the file. Internal to this part.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gguf.h>

namespace urial::engine {

class GgufFile {
public:
    /// Throws Error{Model}.
    explicit GgufFile(std::filesystem::path path);

    const std::filesystem::path& path() const { return path_; }
    /// Throws Error{Model}: "PATH: not a usable model: REASON".
    [[noreturn]] void fail(const std::string& reason) const;

    /// Empty where it is not there.
    std::string text(const std::string& key) const;
    /// A text, or whole numbers as one: "4" or "[1, 2]". Empty for all else.
    std::string shown(const std::string& key) const;
    /// How many a list has; 0 where there is none.
    std::size_t count(const std::string& key) const;
    /// A whole number from 1 on; Error{Model} where it is not there or more than `most`.
    std::size_t size(const std::string& key, std::size_t most) const;
    /// Likewise, but from 0 on and of any size.
    std::int64_t whole(const std::string& key) const;
    float real(const std::string& key) const;
    std::vector<std::string> texts(const std::string& key) const;
    std::vector<std::int32_t> integers(const std::string& key) const;

    /// The tensor's bytes; Error{Model} where it is not there or of another shape ("a row's length first").
    std::vector<char> bytes(const std::string& tensor, const std::vector<std::int64_t>& sizes) const;
    /// The size of its second dimension.
    std::size_t rows(const std::string& tensor) const;
    /// The names of all tensors and their sizes in bytes.
    std::vector<std::pair<std::string, std::uint64_t>> tensors() const;
    ggml_type type(const std::string& tensor) const;
    /// The same as f32, whatever its type.
    std::vector<float> numbers(const std::string& tensor, const std::vector<std::int64_t>& sizes) const;

private:
    struct Free {
        void operator()(gguf_context* context) const { gguf_free(context); }
    };

    std::int64_t find_key(const std::string& key, gguf_type type) const;
    std::int64_t find_array(const std::string& key, gguf_type type) const;
    std::int64_t find_tensor(const std::string& name) const;

    std::filesystem::path path_;
    std::unique_ptr<gguf_context, Free> header_;
};

}  // namespace urial::engine

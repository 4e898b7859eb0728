#pragma once

// Writes small GGUF files for tests: any metadata, any tensors, any version. It checks nothing, so that tests can
// also write files that are wrong.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace urial::test {

class TinyGguf {
public:
    using Value = std::variant<bool, std::uint32_t, std::int32_t, std::uint64_t, float, std::string,
                               std::vector<std::string>, std::vector<float>, std::vector<std::int32_t>>;

    /// A file that check_gguf accepts: a model of architecture "tiny" with two tensors.
    static TinyGguf minimal();

    /// A language model that the engine loads: architecture "llama", two layers, a vocabulary of control tokens and the
    /// 256 bytes, weights that depend on `seed` alone.
    static TinyGguf language_model(unsigned seed = 1);
    /// A LoRA adapter that fits it.
    static TinyGguf fitting_adapter();

    TinyGguf& version(std::uint32_t number);
    /// Adds a pair, also where the key is there already.
    TinyGguf& set(std::string key, Value value);
    /// Adds a tensor of F32 values with zeros as data (or `data`). Its offset follows from those before it.
    TinyGguf& tensor(std::string name, std::vector<std::uint64_t> dimensions, std::vector<float> data = {});
    /// Adds a tensor entry as it is, with `data` behind those before it.
    TinyGguf& raw_tensor(std::string name, std::vector<std::uint64_t> dimensions, std::uint32_t type,
                         std::uint64_t offset, std::string data);

    /// Bytes before the data section, padding included.
    std::size_t header_size() const { return header().size(); }
    std::size_t next_offset() const { return data_.size(); }
    std::string bytes() const { return header() + data_; }
    void write(const std::filesystem::path& path) const;

private:
    struct Pair {
        std::string key;
        Value value;
    };
    struct Entry {
        std::string name;
        std::vector<std::uint64_t> dimensions;
        std::uint32_t type;
        std::uint64_t offset;
    };
    std::string header() const;

    std::uint32_t version_ = 3;
    std::vector<Pair> pairs_;
    std::vector<Entry> tensors_;
    std::string data_;
};

}  // namespace urial::test

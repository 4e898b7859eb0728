#pragma once

// Damages GGUF files so that most still parse: what a hostile or broken file looks like to the engine. A header is
// taken apart, one to three things in it are changed, and it is put together again.

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace urial::test {

class GgufMutator {
public:
    /// `header` is a sound one: from the first byte to the begin of the data section, at least.
    explicit GgufMutator(std::string_view header);

    struct Mutant {
        std::string header;   ///< padded: the data section follows
        std::string changes;  ///< what was done, for a person
    };
    /// The same seed gives the same mutant.
    Mutant mutant(std::uint64_t seed) const;
    /// Bytes of the sound header, padding included.
    std::size_t header_size() const { return header_size_; }

private:
    struct Pair {
        std::string key;
        std::uint32_t type = 0;
        std::string value;  ///< the bytes behind the type
    };
    struct Tensor {
        std::string name;
        std::vector<std::uint64_t> dimensions;
        std::uint32_t type = 0;
        std::uint64_t offset = 0;
    };
    class Change;

    std::size_t header_size_ = 0;
    std::uint32_t version_ = 3;
    std::vector<Pair> pairs_;
    std::vector<Tensor> tensors_;
};

}  // namespace urial::test

#pragma once

// Greedy decoding by llama.cpp alone, one sequence, nothing shared, nothing restored: what our engine must equal.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace urial::test {

class LlamaGreedy {
public:
    explicit LlamaGreedy(const std::filesystem::path& model);
    ~LlamaGreedy();
    LlamaGreedy(const LlamaGreedy&) = delete;
    LlamaGreedy& operator=(const LlamaGreedy&) = delete;

    /// The `count` tokens that follow `prompt`, end-of-text tokens included; stops after the first of those. The prompt
    /// is decoded in two batches, cut at `boundary`: the size of a batch decides which of llama.cpp's attention kernels
    /// runs, and they differ in the last digits.
    std::vector<std::int32_t> continue_greedily(const std::vector<std::int32_t>& prompt, std::size_t boundary,
                                                int count);

private:
    struct State;
    State* state_;
};

}  // namespace urial::test

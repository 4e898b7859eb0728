#pragma once

// Greedy decoding by llama.cpp alone, one sequence, nothing shared, nothing restored: what our engine must equal.

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

    /// The `count` tokens that follow `prompt`, end-of-text tokens included; stops after the first of those.
    std::vector<std::int32_t> continue_greedily(const std::vector<std::int32_t>& prompt, int count);

private:
    struct State;
    State* state_;
};

}  // namespace urial::test

#pragma once

// Scores of tokens that stood in prompts before, so that a text which begins like an earlier one need not be scored
// again. What is found was scored behind exactly the same tokens: these are compared, not hashed. Belongs to one thread
// at a time.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "generate/request.h"

namespace urial::generate {

class ScoreCache {
public:
    /// Holds about so many bytes; beyond them go the ends of texts that were of no use for longest.
    explicit ScoreCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}
    ~ScoreCache();  // not by recursion: the tree may be as deep as a text is long
    ScoreCache(const ScoreCache&) = delete;
    ScoreCache& operator=(const ScoreCache&) = delete;

    /// How many of the first tokens have scores with `top` entries or more. The first token, which nothing stands
    /// before, needs none: 1 at least, unless there are no tokens.
    std::size_t known(std::span<const Token> tokens, int top) const;
    /// Fills scores[1] ... scores[known - 1], of which each has at most `top` entries, and returns known.
    std::size_t read(std::span<const Token> tokens, int top, std::span<std::optional<TokenScore>> scores);
    /// Takes the scores of all tokens but the first, each with the `top` most likely tokens.
    void write(std::span<const Token> tokens, int top, std::span<const std::optional<TokenScore>> scores);

    std::size_t bytes() const { return bytes_; }

private:
    /// A piece of text; what begins like it continues in its children. The root has no tokens.
    struct Node {
        Node* parent = nullptr;
        std::vector<Token> tokens;
        std::vector<TokenScore> scores;                   // one a token
        int top = 0;                                      // entries that were asked for
        std::uint64_t used = 0;                           // rises; never below that of a child
        std::map<Token, std::unique_ptr<Node>> children;  // by first token
    };
    /// What a node takes without its scores, its places in the tree and among the ends included.
    static constexpr std::size_t kNodeBytes = sizeof(Node) + 128;

    static Node* child(Node& node, Token first);
    void add(Node& node, std::span<const Token> tokens, int top, std::span<const std::optional<TokenScore>> scores,
             std::uint64_t now);
    void replace(Node& node, int top, std::span<const std::optional<TokenScore>> scores);
    void split(Node& node, std::size_t size);
    void touch(Node& node, std::uint64_t now);
    void drop(Node& node);
    void shrink(std::size_t most_bytes);

    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::uint64_t clock_ = 0;
    Node root_;
    std::set<std::pair<std::uint64_t, Node*>> ends_;  // nodes without children, the longest unused first
};

}  // namespace urial::generate

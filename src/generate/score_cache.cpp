// A tree of texts: each node holds tokens with their scores, its children are what came next in different texts. Scores
// of a node were all asked for with the same number of entries; where more are wanted they replace it, node by node.

#include "generate/score_cache.h"

#include <algorithm>
#include <iterator>

namespace urial::generate {
namespace {

/// What a score takes, the allocation of its list included.
std::size_t bytes_of(const TokenScore& score) {
    constexpr std::size_t kAllocation = 16;
    return sizeof(Token) + sizeof(TokenScore) +
           (score.top.empty() ? 0 : kAllocation + score.top.capacity() * sizeof(TopToken));
}

TokenScore shortened(const TokenScore& score, int top) {
    const std::size_t count = std::min(score.top.size(), static_cast<std::size_t>(top));
    return {score.token, score.logp, score.rank, {score.top.begin(), score.top.begin() + std::ptrdiff_t(count)}};
}

}  // namespace

ScoreCache::~ScoreCache() { shrink(0); }

ScoreCache::Node* ScoreCache::child(Node& node, Token first) {
    const auto found = node.children.find(first);
    return found == node.children.end() ? nullptr : found->second.get();
}

std::size_t ScoreCache::known(std::span<const Token> tokens, int top) const {
    std::size_t length = 0;
    for (const Node* node = &root_; length < tokens.size();) {
        const auto found = node->children.find(tokens[length]);
        if (found == node->children.end() || found->second->top < top) break;
        node = found->second.get();
        const std::size_t common = engine::common_length(node->tokens, tokens.subspan(length));
        length += common;
        if (common < node->tokens.size()) break;
    }
    return std::max(length, std::min<std::size_t>(tokens.size(), 1));
}

std::size_t ScoreCache::read(std::span<const Token> tokens, int top, std::span<std::optional<TokenScore>> scores) {
    const std::uint64_t now = ++clock_;
    std::size_t length = 0;
    for (Node* node = child(root_, tokens.front()); node != nullptr && node->top >= top;) {
        touch(*node, now);
        const std::size_t common = engine::common_length(node->tokens, tokens.subspan(length));
        for (std::size_t i = length == 0 ? 1 : 0; i < common; ++i) scores[length + i] = shortened(node->scores[i], top);
        length += common;
        node = common < node->tokens.size() || length == tokens.size() ? nullptr : child(*node, tokens[length]);
    }
    return std::max<std::size_t>(length, 1);
}

void ScoreCache::write(std::span<const Token> tokens, int top, std::span<const std::optional<TokenScore>> scores) {
    const std::uint64_t now = ++clock_;
    Node* node = &root_;
    for (std::size_t length = 0; length < tokens.size();) {
        Node* next = child(*node, tokens[length]);
        if (next == nullptr) {
            add(*node, tokens.subspan(length), top, scores.subspan(length), now);
            break;
        }
        const std::size_t common = engine::common_length(next->tokens, tokens.subspan(length));
        const bool ends = length + common == tokens.size();
        if (common < next->tokens.size() && (next->top < top || !ends)) split(*next, common);
        if (next->top < top) replace(*next, top, scores.subspan(length, common));
        touch(*next, now);
        length += common;
        node = next;
    }
    shrink(most_bytes_);
}

void ScoreCache::shrink(std::size_t most_bytes) {
    while (bytes_ > most_bytes && !ends_.empty()) drop(*ends_.begin()->second);
}

/// What follows the node: in it, where nothing else does, else in a new child.
void ScoreCache::add(Node& node, std::span<const Token> tokens, int top,
                     std::span<const std::optional<TokenScore>> scores, std::uint64_t now) {
    Node* target = &node;
    if (&node == &root_ || node.top != top || !node.children.empty()) {
        if (node.children.empty()) ends_.erase({node.used, &node});
        auto made = std::make_unique<Node>();
        made->parent = &node;
        made->top = top;
        made->used = now;
        target = made.get();
        node.children[tokens.front()] = std::move(made);
        ends_.insert({now, target});
        bytes_ += kNodeBytes;
    }
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        target->tokens.push_back(tokens[i]);
        target->scores.push_back(scores[i].value_or(TokenScore{}));
        bytes_ += bytes_of(target->scores.back());
    }
}

void ScoreCache::replace(Node& node, int top, std::span<const std::optional<TokenScore>> scores) {
    node.top = top;
    for (std::size_t i = 0; i < node.scores.size(); ++i) {
        bytes_ -= bytes_of(node.scores[i]);
        node.scores[i] = scores[i].value_or(TokenScore{});
        bytes_ += bytes_of(node.scores[i]);
    }
}

/// The node keeps its first `size` tokens; a child gets the others, and the node's children.
void ScoreCache::split(Node& node, std::size_t size) {
    auto rest = std::make_unique<Node>();
    const auto at = static_cast<std::ptrdiff_t>(size);
    rest->parent = &node;
    rest->top = node.top;
    rest->used = node.used;
    rest->tokens.assign(node.tokens.begin() + at, node.tokens.end());
    std::move(node.scores.begin() + at, node.scores.end(), std::back_inserter(rest->scores));
    node.tokens.resize(size);
    node.scores.resize(size);
    rest->children.swap(node.children);
    for (const auto& [first, below] : rest->children) below->parent = rest.get();
    if (rest->children.empty()) {
        ends_.erase({node.used, &node});
        ends_.insert({rest->used, rest.get()});
    }
    const Token first = rest->tokens.front();
    node.children[first] = std::move(rest);
    bytes_ += kNodeBytes;
}

void ScoreCache::touch(Node& node, std::uint64_t now) {
    if (node.children.empty()) {
        ends_.erase({node.used, &node});
        ends_.insert({now, &node});
    }
    node.used = now;
}

/// Of a node without children.
void ScoreCache::drop(Node& node) {
    for (const TokenScore& score : node.scores) bytes_ -= bytes_of(score);
    bytes_ -= kNodeBytes;
    ends_.erase({node.used, &node});
    Node& parent = *node.parent;
    parent.children.erase(node.tokens.front());
    if (parent.children.empty() && &parent != &root_) ends_.insert({parent.used, &parent});
}

}  // namespace urial::generate

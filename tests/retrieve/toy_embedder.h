#pragma once

// Texts become what letters they have: alike texts, alike vectors.

#include <cmath>
#include <string>
#include <vector>

#include "retrieve/index.h"

namespace urial::test {

class LetterEmbedder final : public retrieve::Embedder {
public:
    explicit LetterEmbedder(std::string identity = "letters") : identity_(std::move(identity)) {}

    const std::string& identity() const override { return identity_; }
    std::size_t dimension() const override { return 27; }
    std::vector<float> embed(std::span<const std::string> texts) const override {
        embedded_ += texts.size();
        std::vector<float> all;
        for (const std::string& text : texts) {
            std::vector<float> counts(dimension());
            counts.back() = 0.1F;  // no text is without length
            for (const char c : text) {
                if (c >= 'a' && c <= 'z') counts[static_cast<std::size_t>(c - 'a')] += 1;
            }
            float squares = 0;
            for (const float count : counts) squares += count * count;
            for (const float count : counts) all.push_back(count / std::sqrt(squares));
        }
        return all;
    }

    std::size_t embedded() const { return embedded_; }

private:
    std::string identity_;
    mutable std::size_t embedded_ = 0;
};

}  // namespace urial::test

#pragma once

// BERT's tokenizer without case: text is cleaned, lower-cased and freed of accents, split at spaces and punctuation,
// and each word becomes the longest pieces of a vocabulary. The ids are those of Hugging Face's BertNormalizer,
// BertPreTokenizer and WordPiece, but that text which looks like a special token ("</s>") stays text. Immutable.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace urial::engine {

/// What is split: words without spaces, in the normal form. For valid UTF-8.
std::vector<std::string> normalised_words(std::string_view text);

class WordPiece {
public:
    /// Adds a piece with which words begin or (`goes_on`) go on.
    void add(std::string piece, bool goes_on, Token id);
    void set_unknown(Token id) { unknown_ = id; }

    /// Without special tokens around; at most about `most` tokens are computed (0: all).
    std::vector<Token> tokenize(std::string_view text, std::size_t most = 0) const;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    using Pieces = std::unordered_map<std::string, Token, Hash, std::equal_to<>>;

    void add_word(std::string_view word, std::vector<Token>& tokens) const;

    Pieces beginnings_, continuations_;
    std::size_t longest_ = 0;  // bytes of a piece
    Token unknown_ = 0;
};

}  // namespace urial::engine

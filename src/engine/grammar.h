#pragma once

// What an answer may say, decided token by token while it is written. Model::new_grammar() makes one from GBNF, the
// engine's notation of context-free grammars; the answer's text is a sentence of the rule `root`.

#include <string>
#include <vector>

#include "engine/engine.h"

namespace urial::engine {

/// One answer's way through a grammar; belongs to one thread at a time.
class TokenConstraint {
public:
    virtual ~TokenConstraint() = default;

    /// Keeps those of `tokens` that may come next, in their order. Tokens that end an answer may come where the
    /// sentence is complete; other control tokens, and tokens without text, never.
    virtual void keep_allowed(std::vector<Token>& tokens) const = 0;

    /// Goes on with a token that may come next; throws Error{Model} for any other.
    virtual void accept(Token token) = 0;

    bool allows(Token token) const {
        std::vector<Token> tokens{token};
        keep_allowed(tokens);
        return !tokens.empty();
    }
};

/// A JSON schema (text, untrusted) as GBNF of the values that it describes, as llama.cpp understands schemas. Throws
/// Error{BadInput} saying what it does not understand, and for one that takes too much time or memory.
std::string json_schema_grammar(const std::string& schema);

}  // namespace urial::engine

#pragma once

// The reply's JSON schema as a grammar that a local judge cannot leave: what a judge says is then always read, and a
// small model spends no tokens on the form. Pure.

#include <cstddef>
#include <string>

#include "eval/json.h"

namespace urial::eval {

struct ReplyGrammarOptions {
    std::size_t text_characters = 200;  ///< the longest free text (a reason), 1 to 1000
    std::size_t list_labels = 3;        ///< the most labels of one list
};

/// GBNF for the schemas that reply_schema() gives: objects with all their keys in order, one space after colon and
/// comma and none elsewhere; texts of one line without control characters; enumerations; lists of different labels.
/// Throws Error{BadInput} for a schema of another form, naming the part.
std::string reply_grammar(const Json& schema, const ReplyGrammarOptions& options = {});

}  // namespace urial::eval

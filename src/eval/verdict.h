#pragma once

// From a judge's reply to verdicts: strict. docs/judging.md lists what is accepted and where everything else lands.
// Pure functions.

#include <string>
#include <string_view>
#include <vector>

#include "eval/record.h"
#include "eval/rubric.h"

namespace urial::eval {

/// One verdict per aspect of the rubric, in its order. A reply whose shape is wrong makes every aspect Unscored for the
/// same reason; a wrong value makes only its own aspect Unscored. Never throws for what the reply says.
std::vector<AspectVerdict> parse_reply(const Rubric& rubric, std::string_view reply);

/// True when some aspect is Unscored: the reply is worth asking for once more.
bool is_unscored(const std::vector<AspectVerdict>& verdicts);

/// What the original authors' judges say for a tie.
inline constexpr std::string_view kOriginalTie = "same";

/// The value that the original authors' files store for an aspect: a score "1".."5" as text, "N/A", or "A", "B",
/// "same". `json` is {"reason", "score"} or {"reason", "preference"}. Same strictness as parse_reply.
Verdict parse_stored_verdict(const Json& json, int lowest, int highest);

}  // namespace urial::eval

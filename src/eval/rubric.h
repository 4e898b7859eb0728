#pragma once

// A rubric: what a judge is asked and what its reply must look like. Rubrics are TOML files (docs/judging.md); ours are
// embedded. What differs between scores, pairs and tags is in rubric_kind.h. Everything here is pure but load_rubric().

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/record.h"
#include "eval/rubric_kind.h"

namespace urial::eval {

struct RubricAspect {
    std::string name;
    std::string definition;
    std::vector<std::string> labels;  ///< tags only
    bool several = false;             ///< tags only: a list of labels rather than one
    bool may_not_apply = false;       ///< score only: "N/A" is an answer
};

struct Rubric {
    std::string name;
    std::string version;
    std::string description;
    const RubricKind* kind = &score_kind();  ///< never null
    int lowest = 1;                          ///< the scale of every aspect, whole numbers
    int highest = 5;
    std::vector<std::string> scale;  ///< what the steps mean, from the lowest; may be empty
    std::vector<RubricAspect> aspects;
    bool flat = false;         ///< with one aspect: the reply is that aspect's own object
    std::string tie = "tie";   ///< what the judge says for a tie
    bool sends_schema = true;  ///< false: nothing but the request's own words holds the judge to the form
    std::string system;
    std::string text;  ///< the request with its placeholders in double braces
};

/// Throws Error{BadInput} with line and column, or naming the field: an unknown key or placeholder is refused.
Rubric parse_rubric(std::string_view toml, std::string_view origin);
/// A file that parse_rubric() reads back to an equal rubric, byte for byte in its texts.
std::string format_rubric(const Rubric& rubric);

/// Names of the built-in rubrics, sorted.
std::vector<std::string> builtin_rubrics();
/// A built-in name or a .toml file. Throws Error{NotFound} with suggestions.
Rubric load_rubric(std::string_view name_or_path);

/// JSON schema of the reply: exactly the rubric's aspects, reasons before scores, nothing else.
Json reply_schema(const Rubric& rubric);
/// What a judge gets of it: null where the rubric sends none.
Json sent_schema(const Rubric& rubric);

/// The empty form of the reply, as shown to the judge.
std::string reply_form(const Rubric& rubric);

/// What the judge gets.
struct JudgeRequest {
    std::string system;
    std::string user;
    std::size_t constant_bytes = 0;  ///< so much of the beginning of `user` is the same for every item of the rubric
};

/// Fills the template in one pass: inserted text is never searched for placeholders. `nonce` marks where the judged
/// text begins and ends; it has to be new and random for every request, 16 or more letters and digits. Throws
/// Error{BadInput} when the template needs what is not there (a second answer, a second turn, a reference, a nonce) and
/// when the judged text contains the nonce.
JudgeRequest render(const Rubric& rubric, const Item& item, const Answer& answer, std::string_view nonce,
                    const std::optional<Answer>& other = std::nullopt);

/// Which rules an answer fulfils that speak for an attempt to steer its judge (docs/judging.md states them): counted
/// and shown, never a reason to change a score. Names: "addresses the judge", "overrides instructions", "asks for a
/// score", "fakes a verdict", "fakes a frame".
std::vector<std::string> find_steering(std::string_view answer);
/// The rules that the judged texts of one record fulfil, each once, sorted: of both answers of a pair, and of the later
/// turns where one of them is judged.
std::vector<std::string> steering_of(const Answer& answer, const std::optional<Answer>& other, int turn);

}  // namespace urial::eval

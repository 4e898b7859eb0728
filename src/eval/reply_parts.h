#pragma once

// Parts of which the replies of several kinds of rubrics are made: their schemas, and their strict reading. Pure.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/record.h"

namespace urial::eval {

Json text_schema();
/// These properties, all of them, and no others.
Json closed_object(Json properties);
/// One of these texts.
Json enumeration(const std::vector<std::string>& values);

/// What could not be read, shortened to what a record shows of it.
Unscored unscored(UnscoredReason reason, std::string_view raw);
bool has_exactly(const Json& object, const std::vector<std::string>& keys);

/// {"reason": text, KEY: value}
Json reasoned_schema(std::string_view key, Json value);
/// `read` gets the value and the reason of an object of that shape; another one is Unscored.
Verdict read_reasoned(const Json& object, const std::string& key,
                      const std::function<Verdict(const Json& value, std::string reason)>& read);

/// A whole number of the scale, also as text; "N/A" is an answer where that is allowed.
Verdict read_score(const Json& value, std::string reason, int lowest, int highest, bool may_not_apply);

/// "A", "B", or the rubric's word for a tie.
Json choice_schema(const std::string& tie);
std::string choice_form(const std::string& tie);
Verdict read_choice(const Json& value, std::string reason, std::string_view tie);

}  // namespace urial::eval

#include "eval/rubric_kind.h"

#include <array>
#include <utility>

#include "eval/reply_parts.h"

namespace urial::eval {

std::span<const RubricKind* const> rubric_kinds() {
    static const std::array kKinds{
        &score_kind(),
        &pairwise_kind(),
        &pairwise_choices_kind(),
        &tags_kind(),
    };
    return kKinds;
}

Json RubricKind::reply_schema(Json entries) const { return closed_object(std::move(entries)); }

Json RubricKind::reply_form(Json entries) const { return entries; }

std::variant<Json, UnscoredReason> RubricKind::entries_of(Json reply) const { return reply; }

}  // namespace urial::eval

// Rubrics of pairs: which of two answers is better, with a reason for every aspect.

#include <utility>

#include "eval/reply_parts.h"
#include "eval/rubric.h"

namespace urial::eval {
namespace {

class PairwiseKind final : public RubricKind {
public:
    std::string_view name() const override { return "pairwise"; }
    Subject subject() const override { return Subject::Pair; }
    bool can_be_flat() const override { return true; }

    Json entry_schema(const Rubric& rubric, const RubricAspect&) const override {
        return reasoned_schema(kPreference, choice_schema(rubric.tie));
    }

    Json entry_form(const Rubric& rubric, const RubricAspect&) const override {
        return {{"reason", "[why]"}, {kPreference, choice_form(rubric.tie)}};
    }

    Verdict read_entry(const Rubric& rubric, const RubricAspect&, const Json& entry) const override {
        return read_reasoned(entry, kPreference, [&](const Json& value, std::string reason) {
            return read_choice(value, std::move(reason), rubric.tie);
        });
    }

private:
    static constexpr const char* kPreference = "preference";
};

}  // namespace

const RubricKind& pairwise_kind() {
    static const PairwiseKind kKind;
    return kKind;
}

}  // namespace urial::eval

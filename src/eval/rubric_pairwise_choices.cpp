// Rubrics of pairs with one rationale for all aspects before the choices.

#include <utility>

#include "eval/reply_parts.h"
#include "eval/rubric.h"

namespace urial::eval {
namespace {

class PairwiseChoicesKind final : public RubricKind {
public:
    std::string_view name() const override { return "pairwise-choices"; }
    Subject subject() const override { return Subject::Pair; }

    Json entry_schema(const Rubric& rubric, const RubricAspect&) const override { return choice_schema(rubric.tie); }

    Json entry_form(const Rubric& rubric, const RubricAspect&) const override { return choice_form(rubric.tie); }

    Verdict read_entry(const Rubric& rubric, const RubricAspect&, const Json& entry) const override {
        return read_choice(entry, /*reason=*/{}, rubric.tie);
    }

    Json reply_schema(Json entries) const override {
        Json properties{{kRationale, text_schema()}};
        properties[kChoices] = closed_object(std::move(entries));
        return closed_object(std::move(properties));
    }

    Json reply_form(Json entries) const override {
        Json form{{kRationale, "[a short comparison]"}};
        form[kChoices] = std::move(entries);
        return form;
    }

    std::variant<Json, UnscoredReason> entries_of(Json reply) const override {
        if (!has_exactly(reply, {kRationale, kChoices})) return UnscoredReason::WrongKeys;
        if (!reply[kRationale].is_string() || !reply[kChoices].is_object()) return UnscoredReason::WrongType;
        return std::move(reply[kChoices]);
    }

private:
    static constexpr const char* kRationale = "rationale";
    static constexpr const char* kChoices = "choices";
};

}  // namespace

const RubricKind& pairwise_choices_kind() {
    static const PairwiseChoicesKind kKind;
    return kKind;
}

}  // namespace urial::eval

// Rubrics of scores: how good one answer is, aspect by aspect, on the rubric's scale.

#include <utility>

#include <fmt/format.h>

#include "eval/reply_parts.h"
#include "eval/rubric.h"

namespace urial::eval {
namespace {

class ScoreKind final : public RubricKind {
public:
    std::string_view name() const override { return "score"; }
    Subject subject() const override { return Subject::Answer; }
    bool has_scale() const override { return true; }
    bool can_be_flat() const override { return true; }

    Json entry_schema(const Rubric& rubric, const RubricAspect& aspect) const override {
        Json steps = Json::array();
        for (int step = rubric.lowest; step <= rubric.highest; ++step) steps.push_back(step);
        if (aspect.may_not_apply) steps.push_back("N/A");
        Json score = Json::object();
        score["enum"] = std::move(steps);
        return reasoned_schema(kScore, std::move(score));
    }

    Json entry_form(const Rubric& rubric, const RubricAspect& aspect) const override {
        return {{"reason", "[why]"},
                {kScore, fmt::format("[whole number from {} to {}{}]", rubric.lowest, rubric.highest,
                                     aspect.may_not_apply ? ", or \"N/A\"" : "")}};
    }

    Verdict read_entry(const Rubric& rubric, const RubricAspect& aspect, const Json& entry) const override {
        return read_reasoned(entry, kScore, [&](const Json& value, std::string reason) {
            return read_score(value, std::move(reason), rubric.lowest, rubric.highest, aspect.may_not_apply);
        });
    }

private:
    static constexpr const char* kScore = "score";
};

}  // namespace

const RubricKind& score_kind() {
    static const ScoreKind kKind;
    return kKind;
}

}  // namespace urial::eval

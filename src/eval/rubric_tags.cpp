// Rubrics of tags: which of an aspect's labels an instruction deserves.

#include <algorithm>

#include <fmt/format.h>

#include "eval/reply_parts.h"
#include "eval/rubric.h"

namespace urial::eval {
namespace {

class TagsKind final : public RubricKind {
public:
    std::string_view name() const override { return "tags"; }
    Subject subject() const override { return Subject::Instruction; }

    std::optional<std::string> fault_of(const RubricAspect& aspect) const override {
        if (!aspect.labels.empty()) return std::nullopt;
        return fmt::format("aspect \"{}\" needs \"labels\" in a rubric of tags", aspect.name);
    }

    Json entry_schema(const Rubric&, const RubricAspect& aspect) const override {
        if (!aspect.several) return enumeration(aspect.labels);
        Json list{{"type", "array"}};
        list["items"] = enumeration(aspect.labels);
        list["minItems"] = 1;
        return list;
    }

    Json entry_form(const Rubric&, const RubricAspect& aspect) const override {
        const std::string labels = fmt::format("{}", fmt::join(aspect.labels, ", "));
        if (!aspect.several) return fmt::format("[one of: {}]", labels);
        Json list = Json::array();
        list.push_back(fmt::format("[one or more of: {}]", labels));
        return list;
    }

    Verdict read_entry(const Rubric&, const RubricAspect& aspect, const Json& entry) const override {
        if (entry.is_array() != aspect.several) return unscored(UnscoredReason::WrongType, entry.dump());
        Labels labels;
        for (const Json& said : aspect.several ? entry : Json::array({entry})) {
            if (!said.is_string()) return unscored(UnscoredReason::WrongType, entry.dump());
            const auto& label = said.get_ref<const std::string&>();
            const bool known = std::ranges::find(aspect.labels, label) != aspect.labels.end();
            const bool again = std::ranges::find(labels.values, label) != labels.values.end();
            if (!known || again) return unscored(UnscoredReason::UnknownLabel, label);
            labels.values.push_back(label);
        }
        if (labels.values.empty()) return unscored(UnscoredReason::UnknownLabel, entry.dump());
        return labels;
    }
};

}  // namespace

const RubricKind& tags_kind() {
    static const TagsKind kKind;
    return kKind;
}

}  // namespace urial::eval

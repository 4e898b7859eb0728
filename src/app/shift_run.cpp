#include "app/shift_run.h"

#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "engine/chat_template.h"
#include "models/models.h"
#include "shift/summary.h"

namespace urial::app {
namespace {

using Form = std::variant<prompt::PromptSpec, engine::ChatTemplate>;

shift::Side open_side(const SideChoice& side, const std::vector<std::string>& adapters, const PairChoice& choice,
                      const Callbacks& callbacks) {
    ModelChoice model = choice.loading;
    model.model = side.model;
    model.adapters = adapters;
    models::FetchOptions on_disk;
    on_disk.download = false;
    shift::Side opened;
    opened.model = open_model(model, callbacks, engine::Purpose::Precise);
    opened.weight_type = models::check_gguf(models::resolve(models::parse_model_spec(side.model), on_disk)).file_type;
    return opened;
}

/// Both sides; one model with different or no adapters on one side is loaded once where that is possible.
Pair open_models(const PairChoice& choice, const Callbacks& callbacks) {
    const SideChoice& base = choice.base;
    const SideChoice& aligned = choice.aligned;
    const bool one_model = base.model == aligned.model &&
                           (base.adapters == aligned.adapters || base.adapters.empty() || aligned.adapters.empty());
    if (!one_model) {
        shift::Side base_side = open_side(base, base.adapters, choice, callbacks);
        return {std::move(base_side), open_side(aligned, aligned.adapters, choice, callbacks)};
    }
    const std::vector<std::string>& adapters = base.adapters.empty() ? aligned.adapters : base.adapters;
    shift::Side base_side = open_side(base, adapters, choice, callbacks);
    shift::Side aligned_side = base_side;
    base_side.use_adapters = !base.adapters.empty();
    aligned_side.use_adapters = !aligned.adapters.empty();
    return {std::move(base_side), std::move(aligned_side)};
}

/// The aligned side's form where the choice names it.
std::optional<Form> named_form(const PairChoice& choice) {
    if (!choice.aligned.prompt.empty()) return prompt::load(choice.aligned.prompt);
    if (!choice.chat_template.empty()) return engine::load_chat_template(choice.chat_template);
    return std::nullopt;
}

/// The form that the aligned model brings along.
engine::ChatTemplate own_form(const engine::Model& model, const PairChoice& choice, const Callbacks& callbacks) {
    if (const auto found = engine::find_chat_template(model)) {
        if (model.info().chat_template.empty()) {
            tell(callbacks.note, fmt::format("{} carries no chat template; its vocabulary has the turn markers of {}: "
                                             "that form is used (--chat-template chooses another)",
                                             printable(choice.aligned.model), found->name));
        }
        return *found;
    }
    throw error(ErrorKind::BadInput,
                "{} carries no chat template; give one with --chat-template NAME|FILE ({}), or an in-context "
                "prompt with --aligned-prompt NAME|FILE",
                choice.aligned.model, fmt::join(engine::builtin_chat_template_names(), ", "));
}

/// A form that the model was not trained with makes it babble, and every figure with it.
void check_markers(const engine::ChatTemplate& form, const engine::Model& model, const Callbacks& callbacks) {
    const std::vector<std::string> unknown = engine::unknown_markers(model, form);
    if (unknown.empty()) return;
    tell(callbacks.warning,
         fmt::format(
             "the chat template {} marks turns with {}, which the vocabulary of {} does not have as control tokens: "
             "the model was hardly trained with this form; without --chat-template its own is used",
             printable(form.name), printable(fmt::format("{}", fmt::join(unknown, ", "))), model.info().name));
}

std::shared_ptr<const generate::PromptSource> aligned_prompt(const engine::Model& model, std::optional<Form> named,
                                                             const PairChoice& choice, const Callbacks& callbacks) {
    if (named) {
        if (auto* spec = std::get_if<prompt::PromptSpec>(&*named)) return generate::in_context_prompt(std::move(*spec));
    }
    engine::ChatTemplate form =
        named ? std::get<engine::ChatTemplate>(std::move(*named)) : own_form(model, choice, callbacks);
    check_markers(form, model, callbacks);
    return generate::chat_prompt(model, std::move(form));
}

}  // namespace

Pair open_pair(const PairChoice& choice, const Callbacks& callbacks) {
    prompt::PromptSpec base_prompt = prompt::load(choice.base.prompt);
    std::optional<Form> aligned_form = named_form(choice);
    Pair pair = open_models(choice, callbacks);
    pair.base.prompt = generate::in_context_prompt(std::move(base_prompt));
    pair.aligned.prompt = aligned_prompt(*pair.aligned.model, std::move(aligned_form), choice, callbacks);
    return pair;
}

std::vector<shift::ShiftItem> read_shift_answers(const std::filesystem::path& file, const Callbacks& callbacks) {
    shift::GivenAnswers given = shift::read_answers(file);
    warn_left_out(file, given, callbacks);
    return std::move(given.items);
}

ShiftSummary summarize_shift_run(const std::filesystem::path& folder) {
    const shift::Summary summary = shift::summarize(shift::records_file(folder));
    const nlohmann::ordered_json manifest = read_json_file(shift::manifest_file(folder));
    const shift::SummaryContext context = shift::summary_context(manifest, summary);
    ShiftSummary written{shift::headline(summary, context), shift::as_json(summary, context), context.warnings,
                         folder / "summary.md"};
    write_file_atomic(written.details, shift::as_markdown(summary, context));
    write_file_atomic(folder / "summary.json", written.json.dump(2) + "\n");
    return written;
}

}  // namespace urial::app

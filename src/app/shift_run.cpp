#include "app/shift_run.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "models/models.h"
#include "shift/summary.h"

namespace urial::app {
namespace {

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

SourceMaker prompt_of(const SideChoice& side, const PairChoice& choice, const Callbacks& callbacks) {
    PromptChoice prompt{.prompt = side.prompt};
    if (side.prompt == kChatPrompt) prompt.chat_template = choice.chat_template;
    if (side.prompt == kRetrievalPrompt) prompt.retrieval = choice.retrieval;
    return open_source(prompt, callbacks);
}

}  // namespace

Pair open_pair(const PairChoice& choice, const Callbacks& callbacks) {
    const auto has_prompt = [&](std::string_view name) {
        return choice.base.prompt == name || choice.aligned.prompt == name;
    };
    if (!choice.chat_template.empty() && !has_prompt(kChatPrompt)) {
        throw error(ErrorKind::BadInput, "--chat-template goes with a side whose prompt is {}; they are {} and {}",
                    kChatPrompt, printable(choice.base.prompt), printable(choice.aligned.prompt));
    }
    if (!choice.retrieval.pool.empty() && !has_prompt(kRetrievalPrompt)) {
        throw error(ErrorKind::BadInput, "--pool goes with a side whose prompt is {}; they are {} and {}",
                    kRetrievalPrompt, printable(choice.base.prompt), printable(choice.aligned.prompt));
    }
    const SourceMaker base = prompt_of(choice.base, choice, callbacks);
    const SourceMaker aligned = prompt_of(choice.aligned, choice, callbacks);
    Pair pair = open_models(choice, callbacks);
    pair.base.prompt = base(*pair.base.model);
    pair.aligned.prompt = aligned(*pair.aligned.model);
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

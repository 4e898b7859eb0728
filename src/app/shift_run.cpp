#include "app/shift_run.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/answerers.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "models/models.h"
#include "remote/scoring_side.h"
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

void check_prompts(const PairChoice& choice) {
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
}

bool is_on_servers(const SideChoice& side) { return parse_servers(side.model).has_value(); }

std::unique_ptr<shift::ListedSide> open_local_side(const SideChoice& side, const PairChoice& choice,
                                                   const Callbacks& callbacks) {
    const SourceMaker prompt = prompt_of(side, choice, callbacks);
    shift::Side opened = open_side(side, side.adapters, choice, callbacks);
    opened.prompt = prompt(*opened.model);
    return shift::listed_side(std::move(opened));
}

/// Options that are for a model in this process count where the other side is one.
std::unique_ptr<shift::ListedSide> open_server_side(const SideChoice& side, const SideChoice& other,
                                                    const PairChoice& choice, int parallel,
                                                    const Callbacks& callbacks) {
    ModelChoice model = choice.loading;
    model.model = side.model;
    model.adapters = side.adapters;
    PromptChoice prompt{.prompt = side.prompt};
    const bool other_is_here = !is_on_servers(other);
    if (other_is_here) {
        model.arithmetic = "auto";
        model.device = "auto";
        model.gpu_layers = -1;
        model.offline = false;
    }
    if (side.prompt == kChatPrompt && !(other_is_here && other.prompt == kChatPrompt)) {
        prompt.chat_template = choice.chat_template;
    }
    if (side.prompt == kRetrievalPrompt) prompt.retrieval = choice.retrieval;
    std::shared_ptr<const generate::PromptSource> source = open_served_prompt(prompt, callbacks);
    return std::make_unique<remote::ScoringSide>(open_servers(model, parallel, callbacks), std::move(source),
                                                 callbacks.cancelled);
}

}  // namespace

ListedPair open_listed_pair(const PairChoice& choice, int parallel, const Callbacks& callbacks) {
    check_prompts(choice);
    const auto open = [&](const SideChoice& side, const SideChoice& other) {
        return is_on_servers(side) ? open_server_side(side, other, choice, parallel, callbacks)
                                   : open_local_side(side, choice, callbacks);
    };
    ListedPair pair;
    // Servers first: what is wrong there is said before the seconds of loading a model.
    if (is_on_servers(choice.aligned)) pair.aligned = open(choice.aligned, choice.base);
    pair.base = open(choice.base, choice.aligned);
    if (!pair.aligned) pair.aligned = open(choice.aligned, choice.base);
    return pair;
}

shift::ShiftOutcome run_shift(const PairChoice& choice, const std::vector<shift::ShiftItem>& items,
                              const shift::ShiftOptions& options, const Callbacks& callbacks) {
    if (is_on_servers(choice.base) || is_on_servers(choice.aligned)) {
        const ListedPair pair = open_listed_pair(choice, options.parallel, callbacks);
        return shift::run_shift(*pair.base, *pair.aligned, items, options);
    }
    const Pair pair = open_pair(choice, callbacks);
    return shift::run_shift(pair.base, pair.aligned, items, options);
}

Pair open_pair(const PairChoice& choice, const Callbacks& callbacks) {
    check_prompts(choice);
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

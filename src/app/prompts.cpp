#include "app/prompts.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "retrieve/retrieved_prompt.h"

namespace urial::app {
namespace {

/// The chat template that the model brings along.
engine::ChatTemplate own_template(const engine::Model& model, const Callbacks& callbacks) {
    const std::string name = printable(model.info().name);
    if (const auto found = engine::find_chat_template(model)) {
        if (model.info().chat_template.empty()) {
            tell(callbacks.note, fmt::format("{} carries no chat template; its vocabulary has the turn markers of {}: "
                                             "that form is used (--chat-template chooses another)",
                                             name, found->name));
        }
        return *found;
    }
    throw error(
        ErrorKind::BadInput,
        "{} carries no chat template; give one with --chat-template NAME|FILE ({}), or use an in-context prompt", name,
        fmt::join(engine::builtin_chat_template_names(), ", "));
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

[[noreturn]] void refuse_chat_template(const PromptChoice& choice) {
    throw error(ErrorKind::BadInput, "--chat-template goes with --prompt {}; the prompt is {}", kChatPrompt,
                printable(choice.prompt));
}

void refuse_retrieval(const PromptChoice& choice) {
    if (choice.prompt != kRetrievalPrompt) return;
    throw error(ErrorKind::BadInput,
                "--prompt {0} has other examples for each question of a file: urial generate --prompt {0} --pool POOL",
                kRetrievalPrompt);
}

/// Whose preamble stands before retrieved examples, and how they are written.
constexpr std::string_view kRetrievalForm = "urial";

prompt::PromptSpec retrieval_form(const PromptChoice& choice) {
    prompt::PromptSpec form = prompt::builtin(kRetrievalForm);
    form.examples.clear();
    if (!choice.retrieval.preamble) form.preamble.clear();
    return prompt::with_system(std::move(form), choice.system);
}

retrieve::IndexOptions index_options(const RetrievalChoice& choice, const Callbacks& callbacks) {
    retrieve::IndexOptions options;
    options.threads = choice.encoder.threads;
    options.watch.cancelled = callbacks.cancelled;
    options.watch.detail = callbacks.detail;
    options.watch.warning = callbacks.warning;
    if (callbacks.progress) options.watch.progress = callbacks.progress(Work::IndexPool, choice.pool);
    try {
        options.folder = user_cache_dir() / "indexes";
    } catch (const Error& failure) {
        tell(callbacks.detail, fmt::format("the index is not kept: {}", failure.what()));
    }
    return options;
}

}  // namespace

std::vector<std::string> prompt_names() {
    std::vector<std::string> names = prompt::builtin_names();
    names.emplace_back(kChatPrompt);
    names.emplace_back(kRetrievalPrompt);
    return names;
}

const std::string& name_of(const PromptForm& form) {
    return std::visit([](const auto& each) -> const std::string& { return each.name; }, form);
}

std::shared_ptr<const generate::PromptSource> source_of(PromptForm form, const engine::Model& model,
                                                        const std::string& system) {
    if (auto* chat = std::get_if<engine::ChatTemplate>(&form)) {
        return generate::chat_prompt(model, std::move(*chat), system);
    }
    return generate::in_context_prompt(prompt::with_system(std::get<prompt::PromptSpec>(std::move(form)), system));
}

prompt::PromptSpec open_in_context_prompt(const PromptChoice& choice) {
    refuse_retrieval(choice);
    if (!choice.chat_template.empty()) refuse_chat_template(choice);
    prompt::PromptSpec spec = choice.form.empty()
                                  ? prompt::load(choice.prompt)
                                  : prompt::load(choice.prompt, prompt::parse_original_form(choice.form));
    (void)prompt::with_system(spec, choice.system);  // throws for a message that is not text
    return spec;
}

void refuse_form(const PromptChoice& choice) {
    if (choice.form.empty()) return;
    throw error(ErrorKind::BadInput, "--form is of original prompt files; --prompt {} is none", choice.prompt);
}

std::shared_ptr<const generate::PromptSource> open_retrieval(const PromptChoice& choice, const Callbacks& callbacks) {
    const RetrievalChoice& retrieval = choice.retrieval;
    if (retrieval.pool.empty()) {
        throw error(ErrorKind::BadInput,
                    "--prompt {} needs --pool FILE: questions with their answers, of which each question gets the "
                    "nearest as examples",
                    kRetrievalPrompt);
    }
    refuse_form(choice);
    if (!choice.chat_template.empty()) refuse_chat_template(choice);
    retrieve::Pool pool = retrieve::read_pool(retrieval.pool);
    if (pool.left_out > 0) {
        tell(callbacks.note, fmt::format("{}: {} items are left out: they have no answer, failed, or stand there again",
                                         printable(retrieval.pool), pool.left_out));
    }
    retrieve::RetrievedPromptOptions options;
    options.shots = static_cast<std::size_t>(retrieval.shots);
    options.form = retrieval_form(choice);
    std::shared_ptr<const retrieve::Embedder> embedder = open_embedder(retrieval.encoder, callbacks);
    options.index = index_options(retrieval, callbacks);
    return retrieve::retrieved_prompt(std::move(pool), std::move(embedder), options);
}

SourceMaker open_source(const PromptChoice& choice, const Callbacks& callbacks) {
    if (choice.prompt == kRetrievalPrompt) {
        return [source = open_retrieval(choice, callbacks)](const engine::Model&) { return source; };
    }
    if (!choice.retrieval.pool.empty()) {
        throw error(ErrorKind::BadInput, "--pool goes with --prompt {}; the prompt is {}", kRetrievalPrompt,
                    printable(choice.prompt));
    }
    return [form = open_prompt(choice, callbacks), system = choice.system](const engine::Model& model) {
        return source_of(form(model), model, system);
    };
}

FormMaker open_prompt(const PromptChoice& choice, const Callbacks& callbacks) {
    if (choice.prompt != kChatPrompt) {
        return [spec = open_in_context_prompt(choice)](const engine::Model&) { return spec; };
    }
    refuse_form(choice);
    std::optional<engine::ChatTemplate> named;
    if (!choice.chat_template.empty()) named = engine::load_chat_template(choice.chat_template);
    return [named = std::move(named), callbacks](const engine::Model& model) {
        engine::ChatTemplate form = named ? *named : own_template(model, callbacks);
        check_markers(form, model, callbacks);
        return form;
    };
}

}  // namespace urial::app

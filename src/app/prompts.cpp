#include "app/prompts.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"

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

}  // namespace

std::vector<std::string> prompt_names() {
    std::vector<std::string> names = prompt::builtin_names();
    names.emplace_back(kChatPrompt);
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
    if (!choice.chat_template.empty()) {
        throw error(ErrorKind::BadInput, "--chat-template goes with --prompt {}; the prompt is {}", kChatPrompt,
                    printable(choice.prompt));
    }
    prompt::PromptSpec spec = choice.form.empty()
                                  ? prompt::load(choice.prompt)
                                  : prompt::load(choice.prompt, prompt::parse_original_form(choice.form));
    (void)prompt::with_system(spec, choice.system);  // throws for a message that is not text
    return spec;
}

void refuse_form(const PromptChoice& choice) {
    if (choice.form.empty()) return;
    throw error(ErrorKind::BadInput, "--form is of original prompt files; --prompt {} is none", kChatPrompt);
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

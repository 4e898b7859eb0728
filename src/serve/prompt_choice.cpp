#include "serve/prompt_choice.h"

#include <fmt/format.h>

#include "base/text.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr std::size_t kMostSpecBytes = 256u << 10;

prompt::PromptSpec parse_given_spec(const std::string& toml) {
    if (toml.size() > kMostSpecBytes) {
        throw bad_field("prompt_spec",
                        fmt::format("prompt_spec has {} bytes: at most {} are read", toml.size(), kMostSpecBytes));
    }
    try {
        return prompt::parse_spec(toml, "prompt_spec");
    } catch (const Error& failure) {
        throw bad_field("prompt_spec", failure.what());
    }
}

}  // namespace

ChosenPrompt read_prompt_choice(Fields& fields, Target& target) {
    const std::optional<std::string> toml = fields.text("prompt_spec");
    if (!toml) {
        const app::PromptForm form = target.prompt->form(target.model->model());
        const auto* spec = std::get_if<prompt::PromptSpec>(&form);
        return {target.model->prompt(*target.prompt), spec == nullptr ? std::nullopt : std::optional(*spec)};
    }
    if (target.names_prompt) {
        throw bad_field("prompt_spec", fmt::format("model is {}, which names a prompt: give that or prompt_spec",
                                                   printable(replace_invalid_utf8(target.name))));
    }
    prompt::PromptSpec spec = parse_given_spec(*toml);
    target.name = fmt::format("{}@{}", target.model->name(), spec.name);
    return {target.model->prompt_of(*toml, spec), std::move(spec)};
}

}  // namespace urial::serve

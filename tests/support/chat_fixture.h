#pragma once

// A scripted model that answers "You said QUERY.", and the small prompt that it understands.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "prompt/prompt.h"
#include "support/scripted_model.h"

namespace urial::test {

inline prompt::PromptSpec chat_spec() {
    prompt::PromptSpec spec;
    spec.name = "test";
    spec.version = "1";
    spec.preamble = "Talk.\n";
    spec.form = {"Q: ", "\n", "A: ", "\n"};
    spec.headers = {"Q:", "A:"};
    return spec;
}

/// `answer` gets everything up to and including the last "A: ".
inline std::shared_ptr<ScriptedModel> answering_model(std::function<std::string(std::string_view)> answer,
                                                      int training_context = 100'000) {
    return std::make_shared<ScriptedModel>(answer_after("A: ", std::move(answer)), training_context);
}

inline std::shared_ptr<ScriptedModel> echo_model(int training_context = 100'000) {
    return answering_model(
        [](std::string_view prompt) {
            const std::size_t begin = prompt.rfind("Q: ") + 3;
            const std::string_view query = prompt.substr(begin, prompt.rfind("\nA: ") - begin);
            return "You said " + std::string(query) + ".";
        },
        training_context);
}

}  // namespace urial::test

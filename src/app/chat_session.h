#pragma once

// One conversation with a model: the state behind `urial chat`, without a terminal. Owns the backend that answers; a
// turn is recorded once its answer ended or was stopped. Belongs to one thread.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "app/chat_backend.h"
#include "app/prompts.h"
#include "engine/engine.h"
#include "generate/generate.h"
#include "prompt/prompt.h"

namespace urial::app {

struct ChatOptions {
    generate::SamplingOptions sampling;
    std::string system;  ///< a system message; empty: none
    generate::Overflow overflow = generate::Overflow::Error;
    int context_tokens = 0;       ///< 0: what the model was trained for, at most kDefaultContext
    std::string model_spec = {};  ///< what was given to -m and to --lora: kept in saved conversations
    std::vector<std::string> adapters = {};
    std::optional<std::string> only_query;  ///< the one query that will be asked: no more context than it needs
    /// A later turn is read only behind the turns before it. False: an answer depends, to its last digit, on nothing
    /// but its own conversation, which is read anew each time.
    bool keep_turns = true;
    engine::SessionOptions session;  ///< sequences, prefixes and context_tokens are filled in here
};

class ChatSession {
public:
    /// Throws Error{ContextFull} when the prompt leaves no room, Error{BadInput} for options out of range.
    ChatSession(std::unique_ptr<ChatBackend> backend, PromptForm form, ChatOptions options);
    /// With a model in this process.
    ChatSession(std::shared_ptr<const engine::Model> model, PromptForm form, ChatOptions options);

    /// Answers and records the turn; an answer stopped before its first text is not recorded.
    /// Throws Error{ContextFull|BadInput} and then leaves the conversation as it was.
    Answer ask(const std::string& query, const AnswerSink& sink);
    /// Forgets the last answer and answers its query anew, with other random numbers. Throws Error{BadInput} when
    /// empty.
    Answer retry(const AnswerSink& sink);
    /// Puts another query (or the same) in the place of the last one and answers it; the old turn stays when that fails
    /// or comes to nothing.
    Answer replace_last(const std::string& query, const AnswerSink& sink);
    /// Removes the last turn and returns its query.
    std::optional<std::string> undo();
    void reset() { turns_.clear(); }

    /// The conversation goes on under another prompt, or with another system message (empty: none). Both throw as the
    /// constructor does, and then change nothing.
    void set_prompt(PromptForm form);
    void set_system(std::string system);

    /// What the model gets for `query`, or got for the last one (only the constant prefix before the first).
    using Shown = ShownPrompt;
    Shown show(const std::optional<std::string>& query) const;

    /// Everything that is needed to go on later, with the same model.
    nlohmann::ordered_json save() const;
    /// Replaces prompt, options and turns; all or nothing. Throws Error{BadInput} beginning with `origin`. Returns what
    /// the user should know, such as that it was made with another model.
    std::vector<std::string> load(const nlohmann::json& saved, std::string_view origin);

    const std::vector<prompt::Turn>& turns() const { return turns_; }
    /// The prompt without the system message.
    const PromptForm& form() const { return form_; }
    const std::string& system() const { return options_.system; }
    ChatModel model() const { return backend_->model(); }
    /// 0: not known.
    std::size_t context_tokens() const { return backend_->context_tokens(); }
    /// What the choice means for this model: for set_prompt(). Throws Error{BadInput|NotFound}.
    PromptForm form_of(const PromptChoice& choice, const Callbacks& callbacks) const {
        return backend_->form_of(choice, callbacks);
    }
    generate::Overflow overflow() const { return options_.overflow; }
    void set_overflow(generate::Overflow overflow) { options_.overflow = overflow; }
    const generate::SamplingOptions& sampling() const { return options_.sampling; }
    /// Throws Error{BadInput} for a value out of range, and then changes nothing.
    void set_sampling(const generate::SamplingOptions& sampling);

private:
    ChatQuestion question(prompt::Conversation conversation, std::uint64_t id) const;

    std::unique_ptr<ChatBackend> backend_;
    ChatOptions options_;
    PromptForm form_;
    std::vector<prompt::Turn> turns_;
    std::uint64_t next_request_ = 0;  // a part of the random seed: a retry must not repeat itself
};

std::string_view name(generate::Overflow overflow);
/// "error" or "drop-oldest"; throws Error{BadInput}.
generate::Overflow parse_overflow(std::string_view name);

}  // namespace urial::app

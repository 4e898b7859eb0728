#include "app/chat_session.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "app/saved_chat.h"
#include "base/error.h"
#include "base/text.h"

namespace urial::app {
namespace {

bool came_to_nothing(const Answer& answer) {
    return answer.result.finish == generate::FinishReason::Cancelled && answer.result.text.empty();
}

}  // namespace

ChatSession::ChatSession(std::unique_ptr<ChatBackend> backend, PromptForm form, ChatOptions options)
    : backend_(std::move(backend)), options_(std::move(options)), form_(std::move(form)) {
    generate::check(options_.sampling);
    backend_->check(options_.sampling);
    backend_->set_prompt(form_, options_.system);
}

ChatSession::ChatSession(std::shared_ptr<const engine::Model> model, PromptForm form, ChatOptions options)
    : ChatSession(local_chat(std::move(model), {.context_tokens = options.context_tokens,
                                                .only_query = options.only_query,
                                                .most_tokens = options.sampling.max_tokens,
                                                .keep_turns = options.keep_turns,
                                                .session = options.session}),
                  std::move(form), options) {}

void ChatSession::set_prompt(PromptForm form) {
    backend_->set_prompt(form, options_.system);
    form_ = std::move(form);
}

void ChatSession::set_system(std::string system) {
    backend_->set_prompt(form_, system);
    options_.system = std::move(system);
}

ChatQuestion ChatSession::question(prompt::Conversation conversation, std::uint64_t id) const {
    return {std::move(conversation), id, options_.sampling, options_.overflow};
}

Answer ChatSession::ask(const std::string& query, const AnswerSink& sink) {
    Answer answer = backend_->answer(question({turns_, query}, next_request_), sink);
    ++next_request_;
    if (!came_to_nothing(answer)) turns_.push_back({query, answer.result.text});
    return answer;
}

Answer ChatSession::retry(const AnswerSink& sink) {
    if (turns_.empty()) throw Error(ErrorKind::BadInput, "there is no message to answer anew yet");
    const std::string query = turns_.back().query;
    return replace_last(query, sink);
}

Answer ChatSession::replace_last(const std::string& query, const AnswerSink& sink) {
    if (turns_.empty()) return ask(query, sink);
    prompt::Turn last = std::move(turns_.back());
    turns_.pop_back();
    try {
        Answer answer = ask(query, sink);
        if (came_to_nothing(answer)) turns_.push_back(std::move(last));
        return answer;
    } catch (...) {
        turns_.push_back(std::move(last));
        throw;
    }
}

std::optional<std::string> ChatSession::undo() {
    if (turns_.empty()) return std::nullopt;
    std::string query = std::move(turns_.back().query);
    turns_.pop_back();
    return query;
}

ChatSession::Shown ChatSession::show(const std::optional<std::string>& query) const {
    prompt::Conversation conversation{turns_, ""};
    if (query) {
        conversation.query = *query;
    } else if (!turns_.empty()) {
        conversation.query = turns_.back().query;
        conversation.turns.pop_back();
    } else {
        return backend_->show(std::nullopt);
    }
    return backend_->show(question(std::move(conversation), next_request_));
}

void ChatSession::set_sampling(const generate::SamplingOptions& sampling) {
    generate::check(sampling);
    backend_->check(sampling);
    options_.sampling = sampling;
}

nlohmann::ordered_json ChatSession::save() const {
    const ChatModel model = backend_->model();
    return write_saved_chat({.model_name = model.name,
                             .model_hash = model.content_hash,
                             .prompt = form_,
                             .system = options_.system,
                             .sampling = options_.sampling,
                             .overflow = options_.overflow,
                             .turns = turns_,
                             .model_spec = options_.model_spec,
                             .adapters = options_.adapters});
}

std::vector<std::string> ChatSession::load(const nlohmann::json& saved, std::string_view origin) {
    SavedChat chat = read_saved_chat(saved, origin);
    std::vector<std::string> notes;
    const ChatModel model = backend_->model();
    if (chat.model_hash != model.content_hash) {
        notes.push_back(fmt::format("the conversation was held with another model ({}); it goes on with {}",
                                    chat.model_name, model.name));
    }
    backend_->check(chat.sampling);
    backend_->set_prompt(chat.prompt, chat.system);
    form_ = std::move(chat.prompt);
    options_.system = std::move(chat.system);
    options_.sampling = std::move(chat.sampling);
    options_.overflow = chat.overflow;
    turns_ = std::move(chat.turns);
    return notes;
}

std::string_view name(generate::Overflow overflow) {
    return overflow == generate::Overflow::DropOldest ? "drop-oldest" : "error";
}

generate::Overflow parse_overflow(std::string_view text) {
    if (text == "error") return generate::Overflow::Error;
    if (text == "drop-oldest") return generate::Overflow::DropOldest;
    throw error(ErrorKind::BadInput, "overflow cannot be '{}'; it is error or drop-oldest", printable(text));
}

}  // namespace urial::app

#include "app/chat_session.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "app/saved_chat.h"
#include "base/error.h"
#include "base/text.h"

namespace urial::app {
namespace {

int context_of(const engine::Model& model, int wanted) {
    if (wanted > 0) return wanted;
    const int trained = model.info().training_context;
    return trained > 0 ? std::min(trained, kDefaultContext) : kDefaultContext;
}

/// A cell more than prompt and answer, so that an answer of the wanted length is not taken for a full context.
constexpr std::size_t kAnswerEnd = 1;

bool came_to_nothing(const Answer& answer) {
    return answer.result.finish == generate::FinishReason::Cancelled && answer.result.text.empty();
}

}  // namespace

ChatSession::ChatSession(std::shared_ptr<const engine::Model> model, PromptForm form, ChatOptions options)
    : model_(std::move(model)), options_(std::move(options)) {
    generate::check(options_.sampling);
    auto prepared = prepare(form, options_.system);
    if (options_.only_query) options_.keep_turns = false;
    options_.session.sequences = 1;
    options_.session.prefixes = options_.keep_turns ? 2 : 1;  // the prompt's, and the conversation so far
    options_.session.context_tokens = context_of(*model_, options_.context_tokens);
    if (options_.only_query) {
        // Clearing cells that no one will use would be a tenth of the time to the first token.
        const std::size_t needed = prepared->tokenize({{}, *options_.only_query}).size() + kAnswerEnd +
                                   static_cast<std::size_t>(options_.sampling.max_tokens);
        options_.session.context_tokens =
            static_cast<int>(std::min(needed, static_cast<std::size_t>(options_.session.context_tokens)));
    }
    session_ = model_->new_session(options_.session);
    adopt(std::move(prepared));
    form_ = std::move(form);
}

void ChatSession::set_prompt(PromptForm form) {
    adopt(prepare(form, options_.system));
    form_ = std::move(form);
}

void ChatSession::set_system(std::string system) {
    adopt(prepare(form_, system));
    options_.system = std::move(system);
}

std::unique_ptr<generate::PreparedPrompt> ChatSession::prepare(const PromptForm& form,
                                                               const std::string& system) const {
    return std::make_unique<generate::PreparedPrompt>(model_, source_of(form, *model_, system));
}

void ChatSession::adopt(std::unique_ptr<generate::PreparedPrompt> prepared) {
    // The two need not fit into the context together.
    if (std::exchange(is_pinned_, false)) session_->unpin(prompt_->prefix());
    try {
        pin(*prepared);
    } catch (const engine::Cancelled&) {
        throw;  // the next answer reads the prefix of the prompt that stays
    } catch (...) {
        if (prompt_) pin(*prompt_);
        throw;
    }
    prompt_ = std::move(prepared);
}

void ChatSession::pin(const generate::PreparedPrompt& prompt) {
    session_->pin(prompt.prefix());
    is_pinned_ = true;
}

Answer ChatSession::ask(const std::string& query, const AnswerSink& sink) {
    generate::FittedConversation fit = fitted({turns_, query});
    if (!is_pinned_) pin(*prompt_);
    Answer answer;
    answer.dropped_turns = fit.dropped_turns;
    generate::Request request;
    request.id = next_request_++;
    request.keep = options_.keep_turns;
    request.sampling = options_.sampling;
    const int room = answer_room(fit.tokens);
    request.sampling.max_tokens = std::min(request.sampling.max_tokens, room);
    request.tokens = std::move(fit.tokens);
    request.answer_form = prompt_->source().answer_form();
    answer.result = run(std::move(request), sink);
    answer.context_full = answer.result.finish == generate::FinishReason::Length && room < options_.sampling.max_tokens;
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
    Shown shown;
    shown.prefix_tokens = prompt_->prefix().size();
    prompt::Conversation conversation{turns_, ""};
    if (query) {
        conversation.query = *query;
    } else if (!turns_.empty()) {
        conversation.query = turns_.back().query;
        conversation.turns.pop_back();
    } else {
        shown.text = prompt_->source().text();
        shown.tokens = prompt_->prefix();
        return shown;
    }
    generate::FittedConversation fit = fitted(conversation);
    shown.tokens = std::move(fit.tokens);
    conversation.turns.erase(conversation.turns.begin(),
                             conversation.turns.begin() + static_cast<std::ptrdiff_t>(fit.dropped_turns));
    shown.text = prompt_->source().render(conversation);
    return shown;
}

void ChatSession::set_sampling(const generate::SamplingOptions& sampling) {
    generate::check(sampling);
    options_.sampling = sampling;
}

nlohmann::ordered_json ChatSession::save() const {
    return write_saved_chat({.model_name = model_->info().name,
                             .model_hash = model_->info().content_hash,
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
    if (chat.model_hash != model_->info().content_hash) {
        notes.push_back(fmt::format("the conversation was held with another model ({}); it goes on with {}",
                                    chat.model_name, model_->info().name));
    }
    adopt(prepare(chat.prompt, chat.system));
    form_ = std::move(chat.prompt);
    options_.system = std::move(chat.system);
    options_.sampling = std::move(chat.sampling);
    options_.overflow = chat.overflow;
    turns_ = std::move(chat.turns);
    return notes;
}

generate::FittedConversation ChatSession::fitted(const prompt::Conversation& conversation) const {
    const auto wanted = static_cast<std::size_t>(options_.sampling.max_tokens);
    return generate::fit(*prompt_, conversation, context_tokens(), std::min(wanted, kLeastAnswerTokens),
                         options_.overflow);
}

/// New tokens for which the context has cells; at least 1, so that the scheduler is the one to refuse.
int ChatSession::answer_room(const std::vector<engine::Token>& prompt) const {
    const std::size_t taken = prompt_->prefix().size() + prompt.size() - session_->shareable(prompt).pinned;
    return taken < context_tokens() ? static_cast<int>(context_tokens() - taken) : 1;
}

generate::Result ChatSession::run(generate::Request request, const AnswerSink& sink) {
    generate::Result result;
    request.on_text = [&](std::string_view text) {
        if (sink.text && !text.empty()) sink.text(text);
        return true;
    };
    request.on_done = [&](generate::Result&& done) { result = std::move(done); };
    generate::Scheduler scheduler(*model_, *session_);
    const generate::Ticket ticket = scheduler.submit(std::move(request));
    do {
        if (sink.cancelled && sink.cancelled()) scheduler.cancel(ticket);
    } while (scheduler.step());
    if (result.failure) throw Error(*result.failure);
    return result;
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

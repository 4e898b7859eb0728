#include "remote/model_servers.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <thread>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "engine/engine.h"
#include "remote/answer_reader.h"

namespace urial::remote {
namespace {

using generate::FinishReason;
using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// What a server may take to say what it is.
constexpr milliseconds kDescriptionTime{20'000};
/// Times that a server which is there is asked for it: it may still be loading.
constexpr int kMostDescriptions = 4;

/// Of a reply to another request than a question: lists of some hundred tokens for every token of a prompt.
constexpr JsonLimits kReplyLimits{.bytes = 256u << 20, .values = 16 << 20};

/// Ends a transfer from within.
struct Stopped {};

bool mentions(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

http::ClientOptions client_options(const ModelServersOptions& options) {
    return {.most_at_once = options.most_at_once,
            .timeout = options.timeout,
            .silence = options.silence,
            .retry = options.retry};
}

/// With the server's name before the reason, and no key in it.
http::Attempt named(const http::Channel& channel, http::Attempt attempt) {
    attempt.reason = fmt::format("{}: {}", channel.server().base_url, channel.redact(std::move(attempt.reason)));
    return attempt;
}

std::string printable_text(const ordered_json& value) {
    return value.is_string() ? printable(value.get<std::string>()) : std::string();
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

}  // namespace

/// One question with what its tries have in common.
struct ModelServers::Dialogue {
    const generate::PromptSource& prompt;
    Ask ask;
    const std::stop_token& stop;
    generate::Answer answer = {};
    bool has_told = false;         // some of the answer has gone to on_text
    Clock::time_point began = {};  // of the last try

    bool is_cancelled() const { return stop.stop_requested() || (ask.cancelled && ask.cancelled()); }
};

// ---- what the servers are -------------------------------------------------------------------------------------------

ModelServers::ModelServers(ModelServersOptions options)
    : options_(std::move(options)), client_(options_.servers, client_options(options_)) {
    {
        const MutexLock lock(mutex_);
        seats_.resize(client_.servers().size());
    }
    describe_all();
}

void ModelServers::describe_all() {
    std::string absent;
    std::size_t missing = 0;
    for (std::size_t i = 0; i < client_.servers().size(); ++i) {
        const http::Attempt attempt = describe_patiently(i);
        if (attempt.outcome == http::Outcome::Done) continue;
        absent += fmt::format("\n{}: {}", client_.servers()[i].base_url, attempt.reason);
        ++missing;
    }
    if (missing == 0) return;
    if (!reference_) {
        throw error(ErrorKind::Unavailable, "no server for {} is there:{}\nstart it, or look at the address",
                    printable(options_.model), absent);
    }
    if (options_.notice) {
        options_.notice(fmt::format("{} of {} servers are not there; they are tried again later:{}", missing,
                                    client_.servers().size(), absent));
    }
}

http::Attempt ModelServers::describe_patiently(std::size_t index) {
    const auto on_tick = [this] {
        if (options_.cancelled && options_.cancelled()) throw engine::Cancelled();
    };
    for (int tries = 1;; ++tries) {
        Described described = describe(client_.channel(index, kDescriptionTime), options_.model, on_tick);
        if (described.attempt.outcome == http::Outcome::Done) {
            take_in(index, std::move(described.server));
            return {};
        }
        if (!described.attempt.reached || tries == kMostDescriptions) return described.attempt;
        std::this_thread::sleep_for(http::wait_before_retry(options_.retry, tries, std::nullopt, 1));
        on_tick();
    }
}

void ModelServers::take_in(std::size_t index, ServerDescription server) {
    const std::string& address = client_.servers()[index].base_url;
    const MutexLock lock(mutex_);
    if (reference_ && reference_->model != server.model) {
        throw error(ErrorKind::BadInput,
                    "{} has another model under the name {} than the servers before it: {} instead of {}", address,
                    printable(options_.model), server.model.dump(), reference_->model.dump());
    }
    if (!reference_) reference_ = server;
    seats_[index].server = std::move(server);
}

/// A server that was not there at first is asked what it is before it gets its first question.
http::Attempt ModelServers::join(const http::Channel& channel) {
    {
        const MutexLock lock(mutex_);
        if (seats_[channel.index()].server) return {};
    }
    Described described = describe(channel, options_.model);
    if (described.attempt.outcome == http::Outcome::Done) take_in(channel.index(), std::move(described.server));
    return described.attempt;
}

std::size_t ModelServers::context_tokens() const {
    const MutexLock lock(mutex_);
    std::size_t least = 0;
    for (const Seat& seat : seats_) {
        if (!seat.server || seat.server->context_tokens == 0) continue;
        least = least == 0 ? seat.server->context_tokens : std::min(least, seat.server->context_tokens);
    }
    return least;
}

ordered_json ModelServers::describe_servers() const {
    const MutexLock lock(mutex_);
    ordered_json list = ordered_json::array();
    for (std::size_t i = 0; i < seats_.size(); ++i) {
        ordered_json entry{{"address", client_.servers()[i].base_url}};
        if (const auto& server = seats_[i].server) {
            entry["software"] = name(server->software);
            if (!server->version.empty()) entry["version"] = server->version;
            if (server->context_tokens > 0) entry["context_tokens"] = server->context_tokens;
        }
        list.push_back(std::move(entry));
    }
    ordered_json described{{"servers", std::move(list)}};
    if (!answered_as_.empty()) described["answered_as"] = answered_as_;
    return described;
}

void ModelServers::check_sampling(const generate::SamplingOptions& sampling) const {
    const MutexLock lock(mutex_);
    for (std::size_t i = 0; i < seats_.size(); ++i) {
        if (seats_[i].server) remote::check_sampling(*seats_[i].server, client_.servers()[i].base_url, sampling);
    }
}

/// Another name than before means another model behind the same address.
void ModelServers::check_name(const std::string& address, const std::string& answered_as) {
    if (answered_as.empty()) return;
    const MutexLock lock(mutex_);
    if (answered_as_.empty()) answered_as_ = answered_as;
    if (answered_as_ == answered_as) return;
    throw error(ErrorKind::BadInput,
                "{} answers as the model {}, and answers before came from {}: look what it serves; what is there stays",
                address, answered_as, answered_as_);
}

// ---- one question ---------------------------------------------------------------------------------------------------

generate::Answer ModelServers::answer(const generate::PromptSource& prompt, Ask ask, const std::stop_token& stop) {
    Dialogue dialogue{prompt, std::move(ask), stop};
    generate::Result& result = dialogue.answer.result;
    const Clock::time_point began = Clock::now();
    const std::optional<http::Attempt> last =
        client_.run([&](const http::Channel& channel) { return try_once(channel, dialogue); }, options_.timeout,
                    [&] { return dialogue.is_cancelled(); });
    if (!last) {
        result.finish = FinishReason::Cancelled;
    } else if (last->outcome != http::Outcome::Done && !result.failure) {
        result.failure = Error(ErrorKind::Unavailable, last->reason);
    }
    if (result.failure) result.finish = FinishReason::Failed;
    if (result.seconds == 0) result.seconds = seconds_since(began);
    return std::move(dialogue.answer);
}

ordered_json ModelServers::body_of(std::size_t index, const Dialogue& dialogue) const {
    const generate::ServerPrompt given = dialogue.prompt.for_server(dialogue.ask.conversation);
    ordered_json body{{"model", options_.model}};
    if (const auto* text = std::get_if<std::string>(&given)) {
        body["prompt"] = *text;
    } else {
        body["messages"] = ordered_json::array();
        for (const engine::ChatMessage& message : std::get<std::vector<engine::ChatMessage>>(given)) {
            body["messages"].push_back({{"role", message.role}, {"content", message.content}});
        }
    }
    const MutexLock lock(mutex_);
    const Seat& seat = seats_[index];
    const Software software = seat.server->software;
    body[seat.old_token_limit ? "max_tokens" : "max_completion_tokens"] = dialogue.ask.sampling.max_tokens;
    add_sampling(body, software, dialogue.ask.sampling, dialogue.ask.id);
    body["stream"] = true;
    // The stream is cut where the answer ends: counts must come with every piece.
    if (seat.sends_stream_options) {
        body["stream_options"] = {{"include_usage", true}};
        if (software == Software::Vllm || software == Software::SgLang) {
            body["stream_options"]["continuous_usage_stats"] = true;
        }
    }
    if (software == Software::LlamaServer) body["timings_per_token"] = true;
    return body;
}

http::Attempt ModelServers::try_once(const http::Channel& channel, Dialogue& dialogue) {
    if (http::Attempt attempt = join(channel); attempt.outcome != http::Outcome::Done) {
        return named(channel, std::move(attempt));
    }
    dialogue.began = Clock::now();
    generate::Result& result = dialogue.answer.result;
    result = {};
    const auto on_text = [&](std::string_view text) {
        if (dialogue.ask.on_text) {
            dialogue.has_told = true;
            dialogue.ask.on_text(channel.redact(std::string(text)));
        }
        return !dialogue.is_cancelled();
    };
    AnswerReader reader({.form = dialogue.prompt.answer_form(),
                         .stop = dialogue.ask.sampling.stop,
                         .max_tokens = dialogue.ask.sampling.max_tokens,
                         .on_text = on_text});
    const std::optional<http::Reply> reply = send(channel, dialogue, reader);
    if (!reply) {
        result.text = channel.redact(reader.text());
        result.finish = FinishReason::Cancelled;
        return {};
    }
    if (reply->status / 100 != 2 || (!reply->failure.empty() && reader.pieces() == 0)) {
        return refused(channel, *reply, dialogue);
    }
    std::string problem = reader.finish();
    if (!problem.empty()) {
        if (!reply->failure.empty()) problem += fmt::format(" ({})", reply->failure);
        http::Attempt attempt = named(channel, {.outcome = http::Outcome::Broken, .reason = std::move(problem)});
        if (dialogue.has_told) throw error(ErrorKind::Unavailable, "{}; ask again", attempt.reason);
        return attempt;
    }
    take_answer(channel, dialogue, reader);
    return {};
}

/// The reply to the question, whose body goes into the reader; std::nullopt where the answer was cancelled meanwhile.
std::optional<http::Reply> ModelServers::send(const http::Channel& channel, Dialogue& dialogue, AnswerReader& reader) {
    std::size_t pieces = 0;
    const auto on_body = [&](const http::Reply&, std::string_view bytes) {
        const bool goes_on = reader.push(bytes);
        if (pieces == 0 && reader.pieces() > 0) {
            dialogue.answer.result.first_token_seconds = seconds_since(dialogue.began);
        }
        for (; pieces < reader.pieces(); ++pieces) {
            if (dialogue.ask.on_piece) dialogue.ask.on_piece();
        }
        return goes_on;
    };
    const auto on_tick = [&] {
        if (dialogue.is_cancelled()) throw Stopped{};
    };
    try {
        for (;;) {
            const ordered_json body = body_of(channel.index(), dialogue);
            http::Reply reply =
                channel.post(body.contains("messages") ? "/chat/completions" : "/completions",
                             body.dump(-1, ' ', false, ordered_json::error_handler_t::replace), on_body, on_tick);
            if (!learns(channel.index(), reply, body)) return reply;
        }
    } catch (const Stopped&) {
        return std::nullopt;
    }
}

void ModelServers::take_answer(const http::Channel& channel, Dialogue& dialogue, const AnswerReader& reader) {
    check_name(channel.server().base_url, reader.model());
    generate::Result& result = dialogue.answer.result;
    result.text = channel.redact(reader.text());
    result.finish = reader.reason();
    result.stopped_by = reader.stopped_by();
    result.seconds = seconds_since(dialogue.began);
    result.prompt_tokens = reader.prompt_tokens().value_or(0);
    result.completion_tokens = reader.completion_tokens().value_or(reader.pieces());
    dialogue.answer.is_counted = reader.prompt_tokens() && reader.completion_tokens();
}

/// What a reply without an answer means: for this request, whose `failure` may be said, or for all.
http::Attempt ModelServers::refusal(const http::Channel& channel, const http::Reply& reply,
                                    std::optional<Error>& failure) const {
    http::Attempt attempt = http::attempt_of(reply);
    if (attempt.outcome == http::Outcome::Done) attempt.outcome = http::Outcome::Broken;
    if (reply.failure.empty()) attempt.reason += ": " + http::short_message(reply, channel.server());
    attempt = named(channel, std::move(attempt));
    http::check_status(reply, channel.server(), options_.model);
    if (attempt.outcome != http::Outcome::Refused) return attempt;
    if (!reply.failure.empty()) throw error(ErrorKind::Unavailable, "{}", attempt.reason);
    const bool is_too_long = mentions(lower_ascii(http::server_message(reply.body)),
                                      {"context length", "context size", "context window", "maximum context",
                                       "exceed_context", "too long", "longer than"});
    failure = Error(is_too_long ? ErrorKind::ContextFull : ErrorKind::BadInput, attempt.reason);
    return attempt;
}

http::Attempt ModelServers::refused(const http::Channel& channel, const http::Reply& reply, Dialogue& dialogue) {
    std::optional<Error>& failure = dialogue.answer.result.failure;
    http::Attempt attempt = refusal(channel, reply, failure);
    if (failure && failure->kind() == ErrorKind::ContextFull &&
        dialogue.ask.overflow == generate::Overflow::DropOldest && !dialogue.ask.conversation.turns.empty()) {
        dialogue.ask.conversation.turns.erase(dialogue.ask.conversation.turns.begin());
        ++dialogue.answer.dropped_turns;
        return try_once(channel, dialogue);
    }
    return attempt;
}

/// Some servers want the limit under its other name, or no options of the stream: neither changes an answer. True where
/// the request is to be sent again.
bool ModelServers::learns(std::size_t index, const http::Reply& reply, const ordered_json& sent) {
    if (!reply.failure.empty() || (reply.status != 400 && reply.status != 422)) return false;
    const std::string complaint = http::server_message(reply.body);
    const MutexLock lock(mutex_);
    if (sent.contains("max_tokens") && mentions(complaint, {"max_completion_tokens"})) {
        seats_[index].old_token_limit = false;
        return true;
    }
    if (sent.contains("stream_options") && mentions(complaint, {"stream_options", "continuous_usage_stats"})) {
        seats_[index].sends_stream_options = false;
        return true;
    }
    return false;
}

// ---- other requests -------------------------------------------------------------------------------------------------

struct ModelServers::Errand {
    const std::function<Inquiry(Software)>& make;
    const std::function<void(const ordered_json&)>& read;
    const std::function<bool()>& is_stopped;
    std::optional<Error> failure = {};
};

std::optional<Error> ModelServers::inquire(const std::function<Inquiry(Software)>& make,
                                           const std::function<void(const ordered_json&)>& read,
                                           const std::function<bool()>& is_stopped) {
    Errand errand{make, read, is_stopped};
    const std::optional<http::Attempt> last = client_.run(
        [&](const http::Channel& channel) { return inquire_once(channel, errand); }, options_.timeout, is_stopped);
    if (!last) throw engine::Cancelled();
    if (last->outcome != http::Outcome::Done && !errand.failure) {
        errand.failure = Error(ErrorKind::Unavailable, last->reason);
    }
    return errand.failure;
}

http::Attempt ModelServers::inquire_once(const http::Channel& channel, Errand& errand) {
    if (http::Attempt attempt = join(channel); attempt.outcome != http::Outcome::Done) {
        return named(channel, std::move(attempt));
    }
    errand.failure.reset();
    const Software software = [&] {
        const MutexLock lock(mutex_);
        return seats_[channel.index()].server->software;
    }();
    const Inquiry inquiry = errand.make(software);
    std::string body;
    const auto on_body = [&](const http::Reply&, std::string_view piece) {
        body += piece;
        return body.size() <= kReplyLimits.bytes;
    };
    const auto on_tick = [&] {
        if (errand.is_stopped && errand.is_stopped()) throw engine::Cancelled();
    };
    std::string sent = inquiry.body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    const http::Reply reply = inquiry.is_beside ? channel.post_beside(inquiry.path, std::move(sent), on_body, on_tick)
                                                : channel.post(inquiry.path, std::move(sent), on_body, on_tick);
    if (reply.status / 100 != 2 || !reply.failure.empty()) return refusal(channel, reply, errand.failure);
    try {
        const std::optional<ordered_json> json = try_parse_json(body, kReplyLimits);
        if (!json || !json->is_object()) throw WrongReply("the reply is no JSON object, or too large a one");
        errand.read(*json);
        check_name(channel.server().base_url, json->contains("model") ? printable_text((*json)["model"]) : "");
        return {};
    } catch (const WrongReply& wrong) {
        return named(channel,
                     {.outcome = http::Outcome::Broken, .reason = fmt::format("{}: {}", inquiry.path, wrong.what())});
    }
}

Software ModelServers::software() const {
    const MutexLock lock(mutex_);
    for (std::size_t i = 0; i < seats_.size(); ++i) {
        if (!seats_[i].server || seats_[i].server->software == reference_->software) continue;
        throw error(ErrorKind::BadInput, "{} is {} and another server {}: their numbers are not alike; take one kind",
                    client_.servers()[i].base_url, name(seats_[i].server->software), name(reference_->software));
    }
    return reference_->software;
}

}  // namespace urial::remote

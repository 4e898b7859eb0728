#pragma once

// One model on one or several servers, which answer the same questions. Thread-safe: answer() is called from as many
// threads as questions are to be under way, and waits.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mutex.h"
#include "generate/answerer.h"
#include "generate/prompt_source.h"
#include "http/client.h"
#include "remote/server_software.h"

namespace urial::remote {

class AnswerReader;

struct ModelServersOptions {
    std::vector<http::Server> servers;
    std::string model;              ///< as the servers name it
    std::size_t most_at_once = 16;  ///< questions under way, at all servers together
    /// The most that one answer may take, with the tries at other servers that it needs.
    std::chrono::milliseconds timeout{600'000};
    /// A server that sends nothing for so long is given up.
    std::chrono::milliseconds silence{300'000};
    http::RetryOptions retry;
    std::function<void(std::string_view)> notice;  ///< a line that a person wants to see; called in the constructor
    std::function<bool()> cancelled;               ///< asked in the constructor; true ends it with engine::Cancelled
};

/// A question to a server.
struct Ask {
    std::uint64_t id = 0;  ///< a part of the random seed
    prompt::Conversation conversation;
    generate::SamplingOptions sampling;
    generate::Overflow overflow = generate::Overflow::Error;
    /// Text that surely belongs to the answer. Where it is set, an answer of which some has been told is not begun
    /// anew.
    std::function<void(std::string_view)> on_text;
    std::function<void()> on_piece;   ///< about once a token
    std::function<bool()> cancelled;  ///< asked at least once a second and at every piece; true ends the answer
};

/// A request beside questions: to tokenise a text, to score tokens.
struct Inquiry {
    std::string path;
    bool is_beside = false;  ///< beside "/v1", not in it
    nlohmann::ordered_json body;
};

/// A reply that is not what was asked for; another try may give it.
class WrongReply : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class ModelServers {
public:
    /// Asks every server what it is. One that is not there is told and left out until it is. Throws
    /// Error{Unavailable} where none is there, Error{NotFound} where one does not have the model, Error{BadInput} where
    /// two say that they have different ones under its name.
    explicit ModelServers(ModelServersOptions options);

    const std::string& model() const { return options_.model; }
    /// What the servers that were there say of the model.
    const nlohmann::ordered_json& model_facts() const { return reference_->model; }
    /// The least of what the servers say; 0: none does.
    std::size_t context_tokens() const;
    /// Address, software and version of each, and under which name they have answered.
    nlohmann::ordered_json describe_servers() const;
    /// Throws as remote::check_sampling for each server that was there.
    void check_sampling(const generate::SamplingOptions& sampling) const;

    /// What goes wrong with this question alone is in the result: Error{ContextFull|BadInput} where the servers refuse
    /// it, Error{Unavailable} where they fail it again and again. Throws what makes all questions fail.
    generate::Answer answer(const generate::PromptSource& prompt, Ask ask, const std::stop_token& stop = {});

    /// `make` is called with the software of the server that is asked, `read` with the JSON that it replies, where it
    /// throws WrongReply for what is no answer. Returns what is wrong with this request alone, as answer() does; throws
    /// what makes all fail, and engine::Cancelled when `is_stopped`, which is asked all the time, says so.
    std::optional<Error> inquire(const std::function<Inquiry(Software)>& make,
                                 const std::function<void(const nlohmann::ordered_json&)>& read,
                                 const std::function<bool()>& is_stopped);
    /// Of all servers that were there. Throws Error{BadInput} where they have more than one.
    Software software() const;

private:
    struct Dialogue;
    struct Errand;
    struct Seat {
        std::optional<ServerDescription> server;  // empty until it is there
        bool old_token_limit = true;              // max_tokens rather than max_completion_tokens
        bool sends_stream_options = true;
    };
    void describe_all();
    http::Attempt describe_patiently(std::size_t index);
    http::Attempt join(const http::Channel& channel);
    void take_in(std::size_t index, ServerDescription server);
    http::Attempt try_once(const http::Channel& channel, Dialogue& dialogue);
    std::optional<http::Reply> send(const http::Channel& channel, Dialogue& dialogue, AnswerReader& reader);
    void take_answer(const http::Channel& channel, Dialogue& dialogue, const AnswerReader& reader);
    http::Attempt refused(const http::Channel& channel, const http::Reply& reply, Dialogue& dialogue);
    http::Attempt inquire_once(const http::Channel& channel, Errand& errand);
    http::Attempt refusal(const http::Channel& channel, const http::Reply& reply, std::optional<Error>& failure) const;
    bool learns(std::size_t index, const http::Reply& reply, const nlohmann::ordered_json& sent);
    nlohmann::ordered_json body_of(std::size_t index, const Dialogue& dialogue) const;
    /// Throws for another model than before.
    void check_name(const std::string& address, const std::string& answered_as);

    ModelServersOptions options_;
    http::Client client_;
    std::optional<ServerDescription> reference_;  // of the first that was there; set in the constructor
    mutable Mutex mutex_;
    std::vector<Seat> seats_ GUARDED_BY(mutex_);
    std::string answered_as_ GUARDED_BY(mutex_);
};

}  // namespace urial::remote

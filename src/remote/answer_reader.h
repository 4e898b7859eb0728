#pragma once

// Reads one answer of a server while it comes: a stream of events or one JSON object, of /completions or of
// /chat/completions; or one that lies in a file. The prompt's own scanner decides where the answer ends, as for a model
// in this process. Belongs to one thread.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "generate/generate.h"
#include "http/event_stream.h"
#include "prompt/prompt.h"

namespace urial::remote {

class AnswerReader {
public:
    struct Options {
        prompt::AnswerForm form;
        std::vector<std::string> stop;
        int max_tokens = 1024;
        /// Text that surely belongs to the answer; false: no more is wanted. May be empty.
        std::function<bool(std::string_view)> on_text;
    };
    explicit AnswerReader(Options options);

    /// Takes the next bytes of the body. False when the rest is of no use: the connection is to be cut.
    bool push(std::string_view bytes);
    /// Takes a whole body instead, one that was no stream.
    void take_whole(const nlohmann::ordered_json& body);
    /// The body ended or was cut. Why this is no answer; empty where it is one.
    std::string finish();

    const std::string& text() const { return text_; }
    generate::FinishReason reason() const { return reason_; }
    const std::string& stopped_by() const { return scanner_.matched(); }
    /// The name under which the server answered; empty: it does not say.
    const std::string& model() const { return model_; }
    /// Tokens, where the server says how many.
    std::optional<std::size_t> prompt_tokens() const { return prompt_tokens_; }
    std::optional<std::size_t> completion_tokens() const { return completion_tokens_; }
    /// Pieces of text that came: about a token each.
    std::size_t pieces() const { return pieces_; }

private:
    bool take_event(std::string_view data);
    void take_object(const nlohmann::ordered_json& object);
    void take_choice(const nlohmann::ordered_json& choice);
    void take_counts(const nlohmann::ordered_json& object);
    void take_text(std::string_view piece);
    bool fail(std::string reason);
    bool goes_on() const;

    Options options_;
    prompt::AnswerScanner scanner_;
    http::EventStream events_;
    std::optional<bool> is_stream_;  // once the first byte is there
    bool is_taken_ = false;          // the object of a body that is no stream
    std::size_t blanks_ = 0;         // before it
    std::string body_;               // where it is no stream
    std::string text_;
    std::string model_;
    std::string problem_;
    generate::FinishReason reason_ = generate::FinishReason::Stop;
    bool has_finished_ = false;  // the server has said why the answer ends
    bool has_ended_ = false;     // the stream is over by its own word
    bool is_wanted_ = true;
    std::size_t pieces_ = 0;
    std::size_t late_events_ = 0;  // after the end of the answer: counts, and then the end of the stream
    std::size_t most_bytes_;
    std::optional<std::size_t> prompt_tokens_;
    std::optional<std::size_t> completion_tokens_;
};

}  // namespace urial::remote

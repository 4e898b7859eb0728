#pragma once

// A client of the conversations of an ApiFixture, with or without a key.

#include <string>
#include <string_view>
#include <vector>

#include "serve/api_fixture.h"
#include "support/raw_client.h"

namespace urial::test {

class ConversationClient {
public:
    explicit ConversationClient(const ApiFixture& server, std::string key = "")
        : port_(server.port()), headers_(key.empty() ? "" : "Authorization: Bearer " + key + "\r\n") {}

    RawReply ask(std::string_view method, const std::string& path, const std::string& body = "") const;
    /// The reply's JSON, whose status must be this one.
    serve::Json call(std::string_view method, const std::string& path, const serve::Json& body = nullptr,
                     int status = 200) const;
    serve::Json get(const std::string& path, int status = 200) const { return call("GET", path, nullptr, status); }

    /// The id of a new conversation.
    std::string create(const std::string& kind = "chat", const std::string& title = "") const;
    /// The id of a new message.
    std::string say(const std::string& conversation, const std::string& role, const std::string& content,
                    const serve::Json& parent = nullptr) const;
    /// Has answers to `text` written; their ids.
    std::vector<std::string> answer(const std::string& conversation, const std::string& text,
                                    serve::Json members = serve::Json::object()) const;
    /// What "data:" lines say from this event on, up to the end of the stream.
    std::vector<std::string> events(const std::string& conversation, const std::string& message,
                                    std::size_t from = 0) const;
    serve::Json message(const std::string& conversation, const std::string& message) const;
    /// Waits until nobody writes it.
    serve::Json finished(const std::string& conversation, const std::string& message) const;

private:
    std::uint16_t port_;
    std::string headers_;
};

std::string message_path(const std::string& conversation, const std::string& message);
/// The lines of a stream that are no comments.
std::vector<std::string> data_lines(std::string_view stream);

}  // namespace urial::test

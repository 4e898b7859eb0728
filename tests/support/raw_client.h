#pragma once

// A client of HTTP that sends exactly the bytes it is told to, from any loopback address. No wait of it is longer than
// its patience: a server that hangs fails the test.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace urial::test {

struct RawReply {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;                            ///< of chunks: joined
    bool is_whole = false;                       ///< its length or last chunk was reached
};

class RawClient {
public:
    /// Throws std::runtime_error where there is no connection.
    explicit RawClient(std::uint16_t port, const std::string& source = "127.0.0.1",
                       std::chrono::milliseconds patience = std::chrono::seconds(10));
    ~RawClient() { close(); }
    RawClient(RawClient&& other) noexcept;
    RawClient& operator=(RawClient&&) = delete;

    /// False where the server has closed.
    bool send(std::string_view bytes) const;
    /// The next one; nullopt where the connection ends, or patience, before its header does.
    std::optional<RawReply> reply(bool has_body = true);
    /// Everything up to `end`; less where the connection ends, or patience.
    std::string read_until(std::string_view end);
    /// Everything that still comes. False where patience ends first.
    bool read_to_end(std::string& bytes);
    /// Nothing more comes, and the connection ends.
    bool is_closed_by_server();
    /// Bytes that were received and not asked for.
    const std::string& unread() const { return input_; }

    void close_sending_side() const;
    /// With a reset, not in order.
    void abort();
    void close();

private:
    bool receive();

    int socket_ = -1;
    std::string input_;
    bool has_ended_ = false;
};

/// A request with its Host; `headers`: each with its end; a body comes with its type and length.
std::string request_text(std::uint16_t port, std::string_view method, std::string_view path,
                         std::string_view headers = "", std::string_view body = "");

/// One request on a connection of its own.
std::optional<RawReply> ask(std::uint16_t port, std::string_view request);

}  // namespace urial::test

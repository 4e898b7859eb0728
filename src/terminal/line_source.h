#pragma once

// The seam between a conversation and whoever types it: a person at a terminal, a pipe, or a test.

#include <cstddef>
#include <string>
#include <string_view>

namespace urial::terminal {

/// Bytes of a message; no context holds more.
inline constexpr std::size_t kMostMessageBytes = 16U << 20;

/// Where lines come from. One line has no newline at its end; a pasted one may have some inside.
class LineSource {
public:
    virtual ~LineSource() = default;
    enum class Status { Line, End, Interrupted };
    struct Read {
        Status status = Status::End;
        std::string text;  ///< Interrupted: what had been typed
    };
    virtual Read read(std::string_view prompt) = 0;
    /// A whole message, for the history.
    virtual void remember(std::string_view) {}
};

}  // namespace urial::terminal

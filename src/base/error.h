#pragma once

// The one exception type of the project. The message names the thing, its value and the remedy; cli/main.cpp prints it
// as it is, with exit status 2 for every kind. Kinds are for callers: models/ tries another source when Unavailable.

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace urial {

enum class ErrorKind {
    BadInput,     ///< the user gave something that cannot work: a flag, a file's content, a request
    NotFound,     ///< a named thing does not exist: a file, an alias, a prompt
    Io,           ///< the system refused: disk full, permission, broken pipe
    Model,        ///< a model file or the engine behind it failed
    ContextFull,  ///< the text does not fit into the model's context
    Unavailable,  ///< a remote side or a lock holder says "not now"
};

class Error : public std::runtime_error {
public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
    ErrorKind kind() const noexcept { return kind_; }

private:
    ErrorKind kind_;
};

/// Formats the message with fmt: `throw error(ErrorKind::NotFound, "{}: no such file", path)`.
template <typename... Args>
Error error(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
    return Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace urial

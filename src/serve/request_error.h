#pragma once

// What is wrong with a request, in the words and codes of OpenAI's interface. The HTTP layer turns it into the answer.

#include <string>
#include <utility>

#include "base/error.h"

namespace urial::serve {

class RequestError final : public Error {
public:
    /// `param`: the field that is to blame; empty: none. `code`: for programs, such as "context_length_exceeded".
    RequestError(int status, std::string code, std::string param, const std::string& message)
        : Error(ErrorKind::BadInput, message), status_(status), code_(std::move(code)), param_(std::move(param)) {}

    int status() const { return status_; }
    const std::string& code() const { return code_; }
    const std::string& param() const { return param_; }

private:
    int status_;
    std::string code_;
    std::string param_;
};

/// 400 for a field.
inline RequestError bad_field(const std::string& param, const std::string& message) {
    return {400, "invalid_value", param, message};
}

}  // namespace urial::serve

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "serve/http_server.h"
#include "serve/request_error.h"

namespace urial::serve {

HttpResponse error_reply(int status, std::string_view message, std::string_view type, std::string_view code,
                         std::string_view param) {
    const auto member = [](std::string_view text) { return nlohmann::ordered_json(replace_invalid_utf8(text)); };
    const auto or_null = [&](std::string_view text) { return text.empty() ? nlohmann::ordered_json() : member(text); };
    const nlohmann::ordered_json body = {
        {"error",
         {{"message", member(message)}, {"type", member(type)}, {"param", or_null(param)}, {"code", or_null(code)}}}};
    return {.status = status, .body = body.dump()};
}

HttpResponse refuse(int status, std::string_view message, std::string_view code, std::string_view param) {
    const std::string_view type = status == 429  ? "rate_limit_error"
                                  : status < 500 ? "invalid_request_error"
                                                 : "server_error";
    HttpResponse response = error_reply(status, message, type, code, param);
    if (status == 429 || status == 503) response.headers.emplace_back("retry-after", "1");
    return response;
}

HttpResponse error_reply(const Error& failure) {
    if (const auto* request = dynamic_cast<const RequestError*>(&failure)) {
        return refuse(request->status(), request->what(), request->code(), request->param());
    }
    switch (failure.kind()) {
        case ErrorKind::BadInput: return refuse(400, failure.what());
        case ErrorKind::NotFound: return refuse(404, failure.what(), "not_found");
        case ErrorKind::ContextFull: return refuse(400, failure.what(), "context_length_exceeded");
        case ErrorKind::Unavailable: return refuse(503, failure.what(), "unavailable");
        case ErrorKind::Io:
        case ErrorKind::Model: break;
    }
    return internal_error();
}

HttpResponse internal_error() { return refuse(500, "the server failed at this request; its log has the x-request-id"); }

}  // namespace urial::serve

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "serve/http_server.h"

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

}  // namespace urial::serve

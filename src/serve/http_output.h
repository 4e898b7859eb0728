#pragma once

// What the server writes, as bytes. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "serve/http_server.h"

namespace urial::serve {

struct OutputForm {
    bool is_http_1_0 = false;
    bool keeps_connection = true;
    bool is_stream = false;  ///< chunked; to the connection's end in HTTP/1.0
    std::string_view request_id;
    std::string_view cors_origin;  ///< empty: none
};

/// Replies of this status have one, whatever is in it.
bool has_body(int status);

/// Status line and header, with the empty line. The length is that of `response.body` where it is no stream.
std::string response_head(const HttpResponse& response, const OutputForm& form);

/// "data: " before each line, and the empty line.
std::string event_text(std::string_view data);

std::string chunk(std::string_view text);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace urial::serve

#include "serve/http_output.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/text.h"

namespace urial::serve {
namespace {

std::string_view reason(int status) {
    switch (status) {
        case 200: return "OK";
        case 204: return "No Content";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        default: return "Status";
    }
}

bool is_clean(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

void add_header(std::string& head, std::string_view name, std::string_view value) {
    if (is_clean(name) && is_clean(value)) head += fmt::format("{}: {}\r\n", name, value);
}

}  // namespace

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string response_head(const HttpResponse& response, const OutputForm& form) {
    std::string head =
        fmt::format("HTTP/{} {} {}\r\n", form.is_http_1_0 ? "1.0" : "1.1", response.status, reason(response.status));
    add_header(head, "date", fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(std::time(nullptr))));
    add_header(head, "server", "urial");
    if (!form.request_id.empty()) add_header(head, "x-request-id", form.request_id);
    if (has_body(response.status)) {
        add_header(head, "content-type", response.content_type);
        add_header(head, "x-content-type-options", "nosniff");
        if (!form.is_stream) {
            add_header(head, "content-length", fmt::format("{}", response.body.size()));
        } else if (!form.is_http_1_0) {
            add_header(head, "transfer-encoding", "chunked");
        }
    }
    if (form.is_stream) {
        add_header(head, "cache-control", "no-cache");
        add_header(head, "x-accel-buffering", "no");  // a proxy shall not wait for more
    }
    if (!form.keeps_connection) {
        add_header(head, "connection", "close");
    } else if (form.is_http_1_0) {
        add_header(head, "connection", "keep-alive");
    }
    if (!form.cors_origin.empty()) {
        add_header(head, "access-control-allow-origin", form.cors_origin);
        add_header(head, "access-control-expose-headers", "x-request-id, retry-after");
        add_header(head, "vary", "origin");
    }
    for (const auto& [name, value] : response.headers) add_header(head, name, value);
    return head + "\r\n";
}

std::string event_text(std::string_view data) {
    std::string event;
    std::size_t begin = 0;
    while (true) {
        const std::size_t end = std::min(data.find_first_of("\r\n", begin), data.size());
        event.append("data: ").append(data.substr(begin, end - begin)).append("\n");
        if (end == data.size()) break;
        begin = end + (data.substr(end, 2) == "\r\n" ? 2 : 1);
    }
    return event + "\n";
}

std::string chunk(std::string_view text) { return fmt::format("{:x}\r\n{}\r\n", text.size(), text); }

}  // namespace urial::serve

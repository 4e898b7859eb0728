#include "serve/metrics.h"

#include <fmt/format.h>

namespace urial::serve {

std::string prometheus_text(const Metrics& metrics) {
    std::string text;
    const auto add = [&](std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
        text += fmt::format("# HELP urial_{0} {1}\n# TYPE urial_{0} {2}\nurial_{0} {3}\n", name, help, type, value);
    };
    add("requests_total", "counter", "Completion requests that were started.", metrics.requests);
    add("requests_running", "gauge", "Completion requests that have not ended.", metrics.running);
    add("requests_failed_total", "counter", "Completion requests that ended with an error.", metrics.failed);
    add("clients_gone_total", "counter", "Completion requests whose client went away first.", metrics.gone);
    add("answers_overdue_total", "counter", "Completion requests that took longer than one may.", metrics.overdue);
    add("prompt_tokens_total", "counter", "Tokens of prompts.", metrics.prompt_tokens);
    add("completion_tokens_total", "counter", "New tokens.", metrics.completion_tokens);
    add("unknown_fields_total", "counter", "Members of requests that the server does not know.",
        metrics.unknown_fields);
    return text;
}

}  // namespace urial::serve

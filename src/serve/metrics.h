#pragma once

// What a server counts, in Prometheus' text form. Thread-safe.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace urial::serve {

struct Metrics {
    std::atomic<std::uint64_t> requests{0};  ///< completions that were started
    std::atomic<std::uint64_t> running{0};   ///< of them, not ended
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> gone{0};     ///< the client went away first, or had it stopped
    std::atomic<std::uint64_t> overdue{0};  ///< took longer than Limits::answer_deadline
    std::atomic<std::uint64_t> prompt_tokens{0};
    std::atomic<std::uint64_t> completion_tokens{0};
    std::atomic<std::uint64_t> unknown_fields{0};  ///< members of requests that nothing here knows
};

std::string prometheus_text(const Metrics& metrics);

}  // namespace urial::serve

#pragma once

// How long to wait before a request is sent again: exponential backoff with full jitter. Pure functions.

#include <chrono>
#include <optional>

namespace urial::eval {

struct RetryOptions {
    int most_failures = 6;                           ///< failed requests of one judgement before it is given up
    std::chrono::milliseconds first_wait{1'000};     ///< the longest wait after the first failure; doubles each time
    std::chrono::milliseconds longest_wait{60'000};  ///< up to here
    std::chrono::seconds longest_retry_after{300};   ///< a server that asks for more stops the run
};

/// The wait after the `failures`-th failure in a row, from 1. `random` is uniform in [0, 1). Without a wish of the
/// server anything between nothing and the doubled bound; with one never less than it, and up to twice as much so that
/// not all come back at once. A wish of 0 seconds is obeyed: no wait.
std::chrono::milliseconds wait_before_retry(const RetryOptions& options, int failures,
                                            std::optional<std::chrono::seconds> retry_after, double random);

}  // namespace urial::eval

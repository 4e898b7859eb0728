#include "eval/retry.h"

#include <algorithm>
#include <cmath>

namespace urial::eval {

std::chrono::milliseconds wait_before_retry(const RetryOptions& options, int failures,
                                            std::optional<std::chrono::seconds> retry_after, double random) {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    const Milliseconds longest(options.longest_wait);
    const Milliseconds bound = std::min(longest, Milliseconds(options.first_wait) * std::exp2(failures - 1));
    const Milliseconds asked = retry_after.value_or(std::chrono::seconds(0));
    const Milliseconds jitter = retry_after ? std::min(bound, asked) * random : bound * random;
    return std::chrono::duration_cast<std::chrono::milliseconds>(asked + jitter);
}

}  // namespace urial::eval

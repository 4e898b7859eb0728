#include <algorithm>
#include <cmath>
#include <ctime>

#include <curl/curl.h>

#include "http/http.h"

namespace urial::http {
namespace {

constexpr std::size_t kMostRetryAfterDigits = 9;

}  // namespace

std::chrono::milliseconds wait_before_retry(const RetryOptions& options, int failures,
                                            std::optional<std::chrono::seconds> retry_after, double random) {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    const Milliseconds longest(options.longest_wait);
    const Milliseconds bound = std::min(longest, Milliseconds(options.first_wait) * std::exp2(failures - 1));
    const Milliseconds asked = retry_after.value_or(std::chrono::seconds(0));
    const Milliseconds jitter = retry_after ? std::min(bound, asked) * random : bound * random;
    return std::chrono::duration_cast<std::chrono::milliseconds>(asked + jitter);
}

std::optional<std::chrono::seconds> parse_retry_after(const std::string& value) {
    if (value.empty()) return std::nullopt;
    if (std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
        return std::chrono::seconds(std::stoll(value.substr(0, kMostRetryAfterDigits)));
    }
    const std::time_t at = curl_getdate(value.c_str(), nullptr);
    if (at < 0) return std::nullopt;
    return std::chrono::seconds(std::max<std::time_t>(0, at - std::time(nullptr)));
}

}  // namespace urial::http

#pragma once

// What judging costs: a table of prices from a file, and a budget that many threads draw on. docs/judging.md.

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "eval/judge.h"

namespace urial::eval {

/// USD per million tokens.
struct Price {
    double prompt = 0;
    double completion = 0;
};

/// USD.
double cost_of(const Price& price, const Usage& usage);

/// By the judge's name.
using PriceTable = std::map<std::string, Price, std::less<>>;

/// TOML: [[prices]] tables of model, prompt, completion. Throws Error{BadInput} with line and column: an unknown key, a
/// model twice, a price that is negative or no number.
PriceTable parse_prices(std::string_view toml, std::string_view origin);
PriceTable load_prices(const std::filesystem::path& path);

/// Money that may still be spent. Each request reserves the most that it can cost before it is sent, so that the sum
/// of what was spent and what is in flight never exceeds the limit by more than the requests in flight cost beyond
/// their estimates. Thread-safe.
class Budget {
public:
    /// `limit` in USD; std::nullopt: no limit. `spent` by earlier runs.
    explicit Budget(std::optional<double> limit, double spent = 0) : limit_(limit), spent_(spent) {}

    /// Blocks while the amount does not fit but others may give back what they reserved. False: it will not fit, or
    /// `stop` was requested.
    bool reserve(double amount, std::stop_token stop);
    /// A reserved amount has become the true cost.
    void settle(double reserved, double cost);

private:
    bool fits(double amount) const REQUIRES(mutex_);

    const std::optional<double> limit_;
    Mutex mutex_;
    Condition given_back_;
    double spent_ GUARDED_BY(mutex_);
    double reserved_ GUARDED_BY(mutex_) = 0;
    std::size_t in_flight_ GUARDED_BY(mutex_) = 0;
};

}  // namespace urial::eval

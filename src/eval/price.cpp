#include "eval/price.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/toml_reader.h"

namespace urial::eval {
namespace {

constexpr double kMillion = 1e6;
/// Sums of prices are not exact in binary: a budget of ten cents pays ten requests of one cent.
constexpr double kRounding = 1e-9;
const std::array<std::string, 3> kFields{"model", "prompt", "completion"};

[[noreturn]] void refuse(std::string_view origin, const toml::node& where, std::string_view what) {
    const toml::source_position place = where.source().begin;
    throw error(ErrorKind::BadInput, "{}:{}:{}: {}", origin, place.line, place.column, what);
}

double read_price(const toml::table& entry, std::string_view key, std::string_view origin) {
    const toml::node* node = entry.get(key);
    if (node == nullptr) refuse(origin, entry, fmt::format("\"{}\" is missing (USD per million tokens)", key));
    if (!node->is_number()) refuse(origin, *node, fmt::format("\"{}\" must be a number", key));
    const double value = *node->value<double>();
    if (!std::isfinite(value) || value < 0) refuse(origin, *node, fmt::format("\"{}\" must be 0 or more", key));
    return value;
}

void read_entry(const toml::table& entry, std::string_view origin, PriceTable& prices) {
    for (const auto& [key, node] : entry) {
        if (std::ranges::find(kFields, key.str()) == kFields.end()) {
            refuse(origin, node,
                   fmt::format("\"{}\" is not a field of a price{}", key.str(), did_you_mean(key.str(), kFields)));
        }
    }
    const auto model = entry["model"].value_exact<std::string>();
    if (!model || model->empty()) refuse(origin, entry, "\"model\" must be the name of a model");
    const Price price{read_price(entry, "prompt", origin), read_price(entry, "completion", origin)};
    if (!prices.emplace(*model, price).second) {
        refuse(origin, entry, fmt::format("the model \"{}\" occurs twice", *model));
    }
}

}  // namespace

double cost_of(const Price& price, const Usage& usage) {
    return (price.prompt * static_cast<double>(usage.prompt_tokens) +
            price.completion * static_cast<double>(usage.completion_tokens)) /
           kMillion;
}

PriceTable parse_prices(std::string_view text, std::string_view origin) {
    const toml::table table = parse_toml(text, origin);
    PriceTable prices;
    for (const auto& [key, node] : table) {
        if (key.str() != "prices" || !node.is_array_of_tables()) {
            refuse(origin, node, fmt::format("\"{}\": a price file has [[prices]] tables and nothing else", key.str()));
        }
        for (const toml::node& entry : *node.as_array()) read_entry(*entry.as_table(), origin, prices);
    }
    return prices;
}

PriceTable load_prices(const std::filesystem::path& path) { return parse_prices(read_text_file(path), path.string()); }

bool Budget::fits(double amount) const { return !limit_ || spent_ + reserved_ + amount <= *limit_ + kRounding; }

bool Budget::reserve(double amount, std::stop_token stop) {
    const MutexLock lock(mutex_);
    given_back_.wait(mutex_, stop, [&]() REQUIRES(mutex_) { return fits(amount) || in_flight_ == 0; });
    if (stop.stop_requested() || !fits(amount)) return false;
    reserved_ += amount;
    ++in_flight_;
    return true;
}

void Budget::settle(double reserved, double cost) {
    const MutexLock lock(mutex_);
    spent_ += cost;
    --in_flight_;
    reserved_ = in_flight_ == 0 ? 0 : reserved_ - reserved;
    given_back_.notify_all();
}

}  // namespace urial::eval

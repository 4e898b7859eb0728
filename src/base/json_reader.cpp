// The parser is nlohmann's; what it would build without a limit is built here from its events. Its ordered objects are
// vectors of pairs, in which it looks for every new key from the front: a map beside each open object does that
// instead.

#include "base/json_reader.h"

#include <charconv>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace urial {
namespace {

using nlohmann::ordered_json;

/// Objects with fewer keys are searched as they are.
constexpr std::size_t kFewKeys = 16;
constexpr std::size_t kLongestShownKey = 60;

class Builder final : public nlohmann::json_sax<ordered_json> {
public:
    explicit Builder(const JsonLimits& limits) : limits_(limits) {}

    bool null() override { return put(nullptr) != nullptr; }
    bool boolean(bool value) override { return put(value) != nullptr; }
    bool number_integer(number_integer_t value) override { return put(value) != nullptr; }
    bool number_unsigned(number_unsigned_t value) override { return put(value) != nullptr; }
    bool number_float(number_float_t value, const string_t&) override { return put(value) != nullptr; }
    bool binary(binary_t&) override { return refuse("holds binary data"); }
    bool string(string_t& value) override { return fits(value) && put(std::move(value)) != nullptr; }
    bool start_object(std::size_t) override { return open(ordered_json::object()); }
    bool start_array(std::size_t) override { return open(ordered_json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(string_t& name) override {
        if (!fits(name) || !count()) return false;
        Open& object = open_.back();
        Entries& entries = *object.value->get_ptr<ordered_json::object_t*>();
        if (const std::optional<std::size_t> place = find(object, entries, name)) {
            if (!limits_.repeated_keys) return refuse(fmt::format("has the key \"{}\" twice", shown(name)));
            target_ = &entries[*place].second;
            return true;
        }
        if (entries.size() == limits_.keys) {
            return refuse(fmt::format("has more than {} keys in one object", limits_.keys));
        }
        if (entries.size() >= kFewKeys) object.places.emplace(name, entries.size());
        target_ = &entries.emplace_back(std::move(name), nullptr).second;
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& failure) override {
        // A number like 1e999 is the one thing that is JSON, but not a value.
        const bool too_large = dynamic_cast<const ordered_json::out_of_range*>(&failure) != nullptr;
        return refuse(
            fmt::format("{} (byte {})", too_large ? "has a number that is too large" : "is not JSON", position));
    }

    ordered_json take() { return std::move(root_); }
    const std::string& problem() const { return problem_; }

private:
    using Entries = ordered_json::object_t::Container;

    struct Open {
        ordered_json* value;
        std::map<std::string, std::size_t> places;  // of the keys from the kFewKeys-th on
    };

    static std::string shown(std::string_view name) {
        return printable(name.substr(0, complete_utf8_length(name.substr(0, kLongestShownKey))));
    }

    static std::optional<std::size_t> find(const Open& object, const Entries& entries, const std::string& name) {
        for (std::size_t i = 0; i < entries.size() && i < kFewKeys; ++i) {
            if (entries[i].first == name) return i;
        }
        const auto found = object.places.find(name);
        return found == object.places.end() ? std::nullopt : std::optional(found->second);
    }

    bool refuse(std::string what) {
        problem_ = std::move(what);
        return false;
    }

    bool count() {
        return ++values_ <= limits_.values || refuse(fmt::format("has more than {} values", limits_.values));
    }

    bool fits(const std::string& text) {
        return text.size() <= limits_.string_bytes ||
               refuse(fmt::format("has a text longer than {}", human_bytes(static_cast<double>(limits_.string_bytes))));
    }

    /// Where the value stands now; nullptr when there is no room for it.
    ordered_json* put(ordered_json value) {
        if (!count()) return nullptr;
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        Open& parent = open_.back();
        if (parent.value->is_object()) {
            *target_ = std::move(value);
            return target_;
        }
        parent.value->push_back(std::move(value));
        return &parent.value->back();
    }

    bool open(ordered_json value) {
        if (open_.size() == limits_.depth)
            return refuse(fmt::format("is nested more than {} levels deep", limits_.depth));
        ordered_json* place = put(std::move(value));
        if (place == nullptr) return false;
        open_.push_back({place, {}});  // stays in place: its parent gets no other value while it is open
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    const JsonLimits& limits_;
    ordered_json root_;
    std::vector<Open> open_;
    ordered_json* target_ = nullptr;  // where the value of the last key goes
    std::size_t values_ = 0;
    std::string problem_;
};

constexpr std::size_t kEscape = 6;  // bytes of "\\uXXXX"

/// The UTF-16 unit that an escape at `at` writes; 0 where there is none.
unsigned escaped_unit(std::string_view text, std::size_t at) {
    unsigned unit = 0;
    if (at + kEscape > text.size() || text[at] != '\\' || text[at + 1] != 'u') return 0;
    const char* end = text.data() + at + kEscape;
    const auto [stop, failure] = std::from_chars(text.data() + at + 2, end, unit, 16);
    return failure == std::errc() && stop == end ? unit : 0;
}

/// Escapes of halves of a surrogate pair that stand alone become escapes of U+FFFD: positions stay what they are.
std::string with_whole_surrogates(std::string_view text) {
    std::string repaired(text);
    for (std::size_t at = repaired.find('\\'); at != std::string::npos; at = repaired.find('\\', at)) {
        const unsigned unit = escaped_unit(repaired, at);
        const unsigned next = escaped_unit(repaired, at + kEscape);
        const bool is_high = unit >= 0xD800 && unit <= 0xDBFF;
        const bool is_low = unit >= 0xDC00 && unit <= 0xDFFF;
        if (is_high && next >= 0xDC00 && next <= 0xDFFF) {
            at += 2 * kEscape;
        } else if (is_high || is_low) {
            repaired.replace(at, kEscape, "\\ufffd");
            at += kEscape;
        } else {
            at += 2;  // whatever it escapes, a backslash too
        }
    }
    return repaired;
}

bool may_have_surrogates(std::string_view text) {
    return text.find("\\ud") != std::string_view::npos || text.find("\\uD") != std::string_view::npos;
}

struct Parsed {
    ordered_json value;
    std::string problem;  // empty where there is a value
};

Parsed parse(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.bytes) {
        return {{}, fmt::format("is longer than {}", human_bytes(static_cast<double>(limits.bytes)))};
    }
    std::string repaired;
    if (limits.repairs_surrogates && may_have_surrogates(text)) text = repaired = with_whole_surrogates(text);
    Builder builder(limits);
    if (ordered_json::sax_parse(text, &builder)) return {builder.take(), {}};
    return {{}, builder.problem()};
}

}  // namespace

ordered_json parse_json(std::string_view text, const JsonLimits& limits) {
    Parsed parsed = parse(text, limits);
    if (!parsed.problem.empty()) throw Error(ErrorKind::BadInput, parsed.problem);
    return std::move(parsed.value);
}

std::optional<ordered_json> try_parse_json(std::string_view text, const JsonLimits& limits) {
    Parsed parsed = parse(text, limits);
    if (!parsed.problem.empty()) return std::nullopt;
    return std::move(parsed.value);
}

ordered_json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
    const std::string text = read_text_file(path, limits.bytes);
    Parsed parsed = parse(text, limits);
    if (parsed.problem.empty()) return std::move(parsed.value);
    throw error(ErrorKind::BadInput, "{}: {}", path.string(), parsed.problem);
}

}  // namespace urial

#include "base/json_stream.h"

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/unpacked_file.h"

namespace urial {
namespace {

using nlohmann::ordered_json;

/// Cuts the stream into the texts of its values. It follows only strings and brackets; what lies between is checked by
/// the parser that gets each text whole.
class Splitter {
public:
    using Consumer = std::function<void(const JsonPlace&, ordered_json&&)>;

    Splitter(const fs::path& path, const InputLimits& limits, const Consumer& value)
        : path_(path), limits_(limits), value_(value) {}

    void push(char c) {
        if (c == '\n') ++line_;
        if (!started_) {
            start(c);
        } else if (text_.empty()) {
            between(c);
        } else {
            inside(c);
        }
    }

    void finish() {
        if (!text_.empty() && depth_ == 0 && !in_string_ && !in_array_) emit();
        if (!text_.empty()) refuse("the file ends inside it: the file looks cut off");
        if (in_array_ && !closed_) refuse("the closing ] of the array is missing: the file looks cut off");
    }

private:
    static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

    void start(char c) {
        static constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
        if (mark_ < kByteOrderMark.size() && c == kByteOrderMark[mark_]) {
            ++mark_;
            return;
        }
        if (is_space(c)) return;
        started_ = true;
        if (c == '[') {
            in_array_ = true;
        } else {
            between(c);
        }
    }

    void between(char c) {
        if (is_space(c)) return;
        if (closed_) refuse("there is text after the closing ] of the array");
        if (in_array_ && (c == ',' || c == ']')) {
            if (c == ']') closed_ = true;
            if (c == ',' && !separable_) refuse("a value is missing before a comma");
            separable_ = false;
            return;
        }
        if (in_array_ && separable_) refuse("a comma is missing before it");
        first_line_ = line_;
        inside(c);
    }

    void inside(char c) {
        if (depth_ == 0 && !in_string_ && !text_.empty() && (is_space(c) || (in_array_ && (c == ',' || c == ']')))) {
            emit();
            between(c);
            return;
        }
        if (text_.size() == limits_.value.bytes) {
            refuse(fmt::format("it is longer than {}", human_bytes(static_cast<double>(limits_.value.bytes))));
        }
        text_ += c;
        if (in_string_) {
            if (escaped_) {
                escaped_ = false;
            } else if (c == '\\') {
                escaped_ = true;
            } else if (c == '"') {
                in_string_ = false;
            }
        } else if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            ++depth_;
        } else if (c == '}' || c == ']') {
            if (depth_ == 0) refuse("a bracket closes that was never opened");
            if (--depth_ == 0) emit();
        }
    }

    void emit() {
        if (!is_valid_utf8(text_)) refuse("it is not UTF-8; convert the file to UTF-8");
        if (index_ == limits_.values) refuse(fmt::format("there are more than {} values", limits_.values));
        ordered_json value;
        try {
            value = parse_json(text_, limits_.value);
        } catch (const Error& problem) {
            refuse(fmt::format("it {}", problem.what()));
        }
        value_(place(), std::move(value));
        ++index_;
        text_.clear();
        separable_ = true;
    }

    JsonPlace place() const { return {index_, text_.empty() ? line_ : first_line_, in_array_}; }

    [[noreturn]] void refuse(std::string_view what) const {
        throw error(ErrorKind::BadInput, "{}: {}", place().name(path_), what);
    }

    const fs::path& path_;
    const InputLimits& limits_;
    const Consumer& value_;
    std::string text_;
    std::size_t mark_ = 0;
    std::size_t line_ = 1;
    std::size_t first_line_ = 1;
    std::size_t index_ = 0;
    std::size_t depth_ = 0;
    bool started_ = false;
    bool in_array_ = false;
    bool closed_ = false;
    bool separable_ = false;  // a value stands before this place, so a comma may follow
    bool in_string_ = false;
    bool escaped_ = false;
};

}  // namespace

std::string JsonPlace::name(const fs::path& file) const {
    if (!in_array) return fmt::format("{}:{}", file.string(), line);
    return fmt::format("{}: value {} (line {})", file.string(), index, line);
}

void for_each_json_value(const fs::path& path, const std::function<void(std::size_t, ordered_json&&)>& value,
                         const InputLimits& limits) {
    for_each_json_value(
        path, [&](const JsonPlace& place, ordered_json&& json) { value(place.index, std::move(json)); }, limits);
}

void for_each_json_value(const fs::path& path, const std::function<void(const JsonPlace&, ordered_json&&)>& value,
                         const InputLimits& limits) {
    UnpackedFile reader(path, limits.bytes);
    Splitter splitter(path, limits, value);
    for (std::string_view bytes = reader.next(); !bytes.empty(); bytes = reader.next()) {
        for (const char c : bytes) splitter.push(c);
    }
    splitter.finish();
}

}  // namespace urial

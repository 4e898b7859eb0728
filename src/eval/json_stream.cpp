#include "eval/json_stream.h"

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "base/error.h"
#include "base/text.h"

namespace urial::eval {
namespace {

namespace fs = std::filesystem;

/// A file read through zlib, which passes plain bytes through unchanged.
class Reader {
public:
    explicit Reader(const fs::path& path) : path_(path), buffer_(1 << 18) {
        const fs::file_status status = fs::status(path);
        if (!fs::exists(status)) throw error(ErrorKind::NotFound, "{}: no such file", path.string());
        if (fs::is_directory(status)) {
            throw error(ErrorKind::BadInput, "{}: is a directory, a file is needed", path.string());
        }
        file_ = gzopen(path.c_str(), "rb");
        if (file_ == nullptr) throw error(ErrorKind::Io, "{}: cannot open: {}", path.string(), std::strerror(errno));
    }
    ~Reader() { gzclose(file_); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// The next bytes; empty at the end of the file.
    std::string_view next() {
        const int count = gzread(file_, buffer_.data(), static_cast<unsigned>(buffer_.size()));
        int code = Z_OK;
        const char* message = gzerror(file_, &code);
        if (count < 0 || (count == 0 && code == Z_BUF_ERROR)) {
            throw error(ErrorKind::BadInput, "{}: the gzip data is damaged or cut off ({})", path_.string(), message);
        }
        return {buffer_.data(), static_cast<std::size_t>(count)};
    }

private:
    fs::path path_;
    gzFile file_ = nullptr;
    std::vector<char> buffer_;
};

/// Cuts the stream into the texts of its values. It follows only strings and brackets; what lies between is checked by
/// the parser that gets each text whole.
class Splitter {
public:
    Splitter(const fs::path& path, const std::function<void(std::size_t, Json&&)>& value)
        : path_(path), value_(value) {}

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
        Json value = Json::parse(text_, nullptr, /*allow_exceptions=*/false);
        if (value.is_discarded()) refuse("it is not JSON");
        value_(index_++, std::move(value));
        text_.clear();
        separable_ = true;
    }

    [[noreturn]] void refuse(std::string_view what) const {
        throw error(ErrorKind::BadInput, "{}: value {} (line {}): {}", path_.string(), index_,
                    text_.empty() ? line_ : first_line_, what);
    }

    const fs::path& path_;
    const std::function<void(std::size_t, Json&&)>& value_;
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

void for_each_json_value(const fs::path& path, const std::function<void(std::size_t, Json&&)>& value) {
    Reader reader(path);
    Splitter splitter(path, value);
    for (std::string_view bytes = reader.next(); !bytes.empty(); bytes = reader.next()) {
        for (const char c : bytes) splitter.push(c);
    }
    splitter.finish();
}

}  // namespace urial::eval

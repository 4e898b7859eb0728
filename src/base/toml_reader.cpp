// toml++ has no limits of its own that hold: a key of a hundred thousand dotted parts overflows its stack. A scan over
// the text that knows strings and comments finds what is too deep before the parser does. Where it loses its way in a
// text that is not TOML, the parser has stopped before that place.

#include "base/toml_reader.h"

#include "base/error.h"
#include "base/text.h"

namespace urial {
namespace {

constexpr std::size_t kMostBytes = 4u << 20;
constexpr std::size_t kMostLevels = 32;
constexpr std::size_t kMostParts = 32;

class Scan {
public:
    Scan(std::string_view text, std::string_view origin) : text_(text), origin_(origin) {}

    void check() {
        while (at_ < text_.size()) step();
    }

private:
    void step() {
        const char c = text_[at_];
        switch (c) {
            case '"':
            case '\'': return skip_string(c);
            case '#': return skip_comment();
            case '\n':
                ++line_;
                parts_ = 1;
                break;
            case '.':
                if (++parts_ > kMostParts) refuse(fmt::format("a key of more than {} parts", kMostParts));
                break;
            case '[':
            case '{':
                if (++levels_ > kMostLevels) refuse(fmt::format("more than {} brackets in each other", kMostLevels));
                parts_ = 1;
                break;
            case ']':
            case '}':
                if (levels_ > 0) --levels_;
                [[fallthrough]];
            case '=':
            case ',': parts_ = 1; break;
            default: break;
        }
        ++at_;
    }

    void skip_string(char quote) {
        const std::string triple(3, quote);
        const std::string_view rest = text_.substr(at_);
        const bool several_lines = rest.starts_with(triple);
        at_ += several_lines ? 3 : 1;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '\\' && quote == '"') {
                at_ += 2;
                continue;
            }
            if (c == '\n' && !several_lines) return;
            if (c == '\n') ++line_;
            if (c == quote && !several_lines) {
                ++at_;
                return;
            }
            if (c == quote && text_.substr(at_).starts_with(triple)) {
                at_ += 3;
                // One or two quote marks may stand before the closing three.
                while (at_ < text_.size() && text_[at_] == quote) ++at_;
                return;
            }
            ++at_;
        }
    }

    void skip_comment() {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    }

    [[noreturn]] void refuse(std::string_view what) const {
        throw error(ErrorKind::BadInput, "{}:{}: {}", origin_, line_, what);
    }

    std::string_view text_;
    std::string_view origin_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::size_t levels_ = 0;
    std::size_t parts_ = 1;  // of the key, or the number, at this place
};

}  // namespace

toml::table parse_toml(std::string_view text, std::string_view origin) {
    if (text.size() > kMostBytes) {
        throw error(ErrorKind::BadInput, "{}: is larger than {}, the most that such a file may have", origin,
                    human_bytes(static_cast<double>(kMostBytes)));
    }
    Scan(text, origin).check();
    try {
        return toml::parse(text, origin);
    } catch (const toml::parse_error& failure) {
        throw error(ErrorKind::BadInput, "{}:{}:{}: {}", origin, failure.source().begin.line,
                    failure.source().begin.column, failure.description());
    }
}

}  // namespace urial

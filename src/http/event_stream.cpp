#include "http/event_stream.h"

#include <utility>

namespace urial::http {

bool EventStream::push(std::string_view bytes) {
    for (const char byte : bytes) {
        const bool ends_pair = std::exchange(after_return_, byte == '\r') && byte == '\n';
        if (ends_pair) continue;
        if (byte == '\n' || byte == '\r') {
            if (!end_line()) return false;
            continue;
        }
        line_ += byte;
        if (line_.size() + data_.size() > kMostEventBytes) {
            is_too_large_ = true;
            return false;
        }
    }
    return true;
}

/// An empty line ends an event; of its fields only the data count.
bool EventStream::end_line() {
    if (line_.empty()) {
        if (!std::exchange(has_data_, false)) return true;
        return on_data_(std::exchange(data_, {}));
    }
    constexpr std::string_view kField = "data:";
    if (line_.starts_with(kField)) {
        std::string_view value = std::string_view(line_).substr(kField.size());
        if (value.starts_with(' ')) value.remove_prefix(1);
        if (has_data_) data_ += '\n';
        data_ += value;
        has_data_ = true;
    }
    line_.clear();
    return true;
}

}  // namespace urial::http

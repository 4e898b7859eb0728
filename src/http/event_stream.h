#pragma once

// Server-sent events, as model servers stream their answers. Belongs to one thread.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace urial::http {

class EventStream {
public:
    static constexpr std::size_t kMostEventBytes = 1u << 20;

    /// `on_data` gets the data of each event; false: no more is wanted.
    explicit EventStream(std::function<bool(std::string_view data)> on_data) : on_data_(std::move(on_data)) {}

    /// Takes the next bytes, cut anywhere. False when no more is wanted, or the event is larger than kMostEventBytes.
    bool push(std::string_view bytes);
    bool is_too_large() const { return is_too_large_; }

private:
    bool end_line();

    std::function<bool(std::string_view data)> on_data_;
    std::string line_;
    std::string data_;
    bool has_data_ = false;
    bool after_return_ = false;
    bool is_too_large_ = false;
};

}  // namespace urial::http

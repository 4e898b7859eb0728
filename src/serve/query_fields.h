#pragma once

// What stands behind the "?" of a request's address, read as strictly as the members of a body.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace urial::serve {

class QueryFields {
public:
    /// `query`: as it was sent. Throws RequestError for a broken escape, a control character or what is not UTF-8.
    explicit QueryFields(std::string_view query);

    bool has(const std::string& name) const { return values_.contains(name); }
    /// `absent` where it is not there.
    std::string text(const std::string& name, const std::string& absent = {}) const;
    std::optional<std::int64_t> integer(const std::string& name, std::int64_t least, std::int64_t most) const;
    bool boolean(const std::string& name) const;

private:
    std::map<std::string, std::string> values_;
};

}  // namespace urial::serve

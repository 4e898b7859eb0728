#pragma once

// The members of a request's JSON object, read strictly: null is absent, a wrong type or range is a RequestError that
// names the member, and members that nobody asked for are known afterwards. Borrows the object.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace urial::serve {

using Json = nlohmann::ordered_json;

class Fields {
public:
    /// `path`: of the object in the request, for messages; empty for the request itself. Throws RequestError where the
    /// value is no object.
    explicit Fields(const Json& object, std::string path = {});

    std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
    /// Both ends are allowed.
    std::optional<double> number(std::string_view name, double least, double most);
    std::optional<bool> boolean(std::string_view name);
    std::optional<std::string> text(std::string_view name);
    /// Integers of an array.
    std::optional<std::vector<std::int64_t>> integers(std::string_view name, std::int64_t least, std::int64_t most,
                                                      std::size_t most_items);
    /// Any value; nullptr where it is absent or null.
    const Json* value(std::string_view name);
    std::optional<Fields> object(std::string_view name);

    /// A member that is not supported: null and the values that ask for nothing pass, all others are refused.
    void refuse_unless(std::string_view name, std::initializer_list<Json> neutral);
    /// A member that changes nothing here, whatever it says.
    void ignore(std::string_view name) { known_.emplace(name); }

    /// Members that nobody asked for.
    std::vector<std::string> unknown() const;
    /// "stream_options.include_usage"
    std::string path_of(std::string_view name) const;

private:
    const Json* object_;
    std::string path_;
    std::set<std::string, std::less<>> known_;
};

/// As one line; what is not UTF-8 is replaced.
std::string json_text(const Json& json);

/// A request's body. Throws RequestError for what is not JSON, or no object.
Json parse_body(std::string_view body);

}  // namespace urial::serve

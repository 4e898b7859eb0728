#pragma once

// JSON that others wrote: replies of servers, input files, and our own files, which may be damaged or planted. All of
// it is read here, within limits, so that no text takes the memory, the stack or the minutes of this process.
// Thread-safe.

#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace urial {

/// The defaults are those of one value of an input or of one reply (docs/file-formats.md says them).
struct JsonLimits {
    std::size_t bytes = 32u << 20;
    std::size_t depth = 64;        ///< arrays and objects in each other
    std::size_t keys = 10'000;     ///< of one object
    std::size_t values = 4 << 20;  ///< in all; each takes up to 100 bytes of memory, however short its text
    std::size_t string_bytes = 16u << 20;
    bool repeated_keys = true;  ///< false: a key that stands twice in one object is refused; else the last one counts
    /// True: half a surrogate pair that is written as an escape (\ud83d, as Python leaves it of a cut emoji) becomes
    /// U+FFFD. Else the text is no JSON.
    bool repairs_surrogates = false;
};

/// Of what we write ourselves: a record holds whole inputs and a reply, and names tokens by their numbers.
inline constexpr JsonLimits kRecordLimits{
    .bytes = 128u << 20, .keys = 1'000'000, .values = 8 << 20, .string_bytes = 64u << 20, .repairs_surrogates = true};

/// A whole input, which is held in memory: endless pipes and small files that unpack to large ones end here.
struct InputLimits {
    JsonLimits value{.repairs_surrogates = true};
    std::size_t bytes = 1u << 30;  ///< unpacked
    std::size_t values = 2'000'000;
};

/// Files of ours grow with every run into them.
inline constexpr InputLimits kRecordFileLimits{kRecordLimits, std::numeric_limits<std::size_t>::max(),
                                               std::numeric_limits<std::size_t>::max()};

/// Throws Error{BadInput}: what is wrong ("is not JSON (byte 3)", "is nested more than 64 levels deep"), for the caller
/// to put behind the name of the source.
nlohmann::ordered_json parse_json(std::string_view text, const JsonLimits& limits = {});

/// For callers to whom all that is not JSON, or too much of it, is the same.
std::optional<nlohmann::ordered_json> try_parse_json(std::string_view text, const JsonLimits& limits = {});

/// The one value that a file holds. The error names the file; read_text_file() says which files can be read.
nlohmann::ordered_json read_json_file(const std::filesystem::path& path, const JsonLimits& limits = kRecordLimits);

}  // namespace urial

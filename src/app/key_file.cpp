#include "app/key_file.h"

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace urial::app {
namespace {

constexpr std::size_t kMostBytesOfKeys = 64u << 10;

}  // namespace

std::vector<std::string> read_key_file(const fs::path& file) {
    std::vector<std::string> keys;
    const std::string text = read_text_file(file, kMostBytesOfKeys);
    for (const std::string_view line : split(text, '\n')) {
        if (const std::string_view key = trim(line); !key.empty()) keys.emplace_back(key);
    }
    if (keys.empty()) throw error(ErrorKind::BadInput, "{}: there is no key in it", file.string());
    return keys;
}

}  // namespace urial::app

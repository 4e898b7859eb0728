#include "report/packed.h"

#include <limits>

#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/gzip.h"
#include "base/hash.h"

namespace urial::report {

std::string base64(std::string_view bytes) {
    // The library counts in int: a multiple of three keeps the parts free of padding.
    constexpr std::size_t kPart = 3U << 20;
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    std::string part(kPart / 3 * 4 + 1, '\0');
    for (std::size_t start = 0; start < bytes.size(); start += kPart) {
        const std::string_view piece = bytes.substr(start, kPart);
        const int length =
            EVP_EncodeBlock(reinterpret_cast<unsigned char*>(part.data()),
                            reinterpret_cast<const unsigned char*>(piece.data()), static_cast<int>(piece.size()));
        text.append(part, 0, static_cast<std::size_t>(length));
    }
    return text;
}

namespace {

[[noreturn]] void fail_packed() { throw Error(ErrorKind::BadInput, "a data block is not base64 of gzip"); }

std::string from_base64(std::string_view text) {
    if (text.size() > std::numeric_limits<int>::max() || text.size() % 4 != 0) fail_packed();
    std::string bytes(text.size() / 4 * 3, '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (length < 0) fail_packed();
    bytes.resize(static_cast<std::size_t>(length));
    return bytes;  // padding decodes to zero bytes behind the gzip member, which gunzip() leaves alone
}

}  // namespace

std::string unpack(std::string_view text, std::size_t most_bytes) {
    const std::string packed = from_base64(text);
    try {
        return gunzip(packed, most_bytes);
    } catch (const Error& problem) {
        throw error(ErrorKind::BadInput, "a data block is not base64 of gzip that can be unpacked: {}", problem.what());
    }
}

std::string script_safe_json(const nlohmann::ordered_json& value) {
    // Outside its strings JSON has none of the three, so that escaping them everywhere keeps its meaning.
    const std::string text = value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    std::string safe;
    safe.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '<': safe += "\\u003c"; break;
            case '>': safe += "\\u003e"; break;
            case '&': safe += "\\u0026"; break;
            default: safe += c;
        }
    }
    return safe;
}

std::string policy_hash(std::string_view content) {
    const std::string hex = sha256_hex(content);
    std::string digest;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return "sha256-" + base64(digest);
}

}  // namespace urial::report

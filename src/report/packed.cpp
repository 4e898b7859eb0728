#include "report/packed.h"

#include <limits>

#include <openssl/evp.h>
#include <zlib.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace urial::report {
namespace {

constexpr int kGzipWindow = MAX_WBITS + 16;  // zlib: 16 more asks for gzip's frame
constexpr int kMemoryLevel = 8;

}  // namespace

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

std::string gzip(std::string_view bytes) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        throw error(ErrorKind::Io, "zlib could not be started; is there enough memory?");
    }
    std::string packed;
    std::string part(1U << 18, '\0');
    std::size_t taken = 0;
    int state = Z_OK;
    while (state != Z_STREAM_END) {
        if (stream.avail_in == 0 && taken < bytes.size()) {
            const std::string_view piece = bytes.substr(taken, std::numeric_limits<uInt>::max() / 2);
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
            stream.avail_in = static_cast<uInt>(piece.size());
            taken += piece.size();
        }
        stream.next_out = reinterpret_cast<Bytef*>(part.data());
        stream.avail_out = static_cast<uInt>(part.size());
        state = deflate(&stream, taken == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
        packed.append(part, 0, part.size() - stream.avail_out);
    }
    deflateEnd(&stream);
    return packed;
}

namespace {

[[noreturn]] void fail_packed() { throw error(ErrorKind::BadInput, "a data block is not base64 of gzip"); }

std::string from_base64(std::string_view text) {
    if (text.size() > std::numeric_limits<int>::max() || text.size() % 4 != 0) fail_packed();
    std::string bytes(text.size() / 4 * 3, '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (length < 0) fail_packed();
    bytes.resize(static_cast<std::size_t>(length));
    return bytes;  // padding decodes to zero bytes behind the gzip member, which inflate() leaves alone
}

}  // namespace

std::string unpack(std::string_view text, std::size_t most_bytes) {
    const std::string packed = from_base64(text);
    z_stream stream{};
    if (inflateInit2(&stream, kGzipWindow) != Z_OK) fail_packed();
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string bytes;
    std::string part(1U << 18, '\0');
    int state = Z_OK;
    while (state == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(part.data());
        stream.avail_out = static_cast<uInt>(part.size());
        state = inflate(&stream, Z_NO_FLUSH);
        bytes.append(part, 0, part.size() - stream.avail_out);
        if (bytes.size() > most_bytes) break;
    }
    inflateEnd(&stream);
    if (bytes.size() > most_bytes) {
        throw error(ErrorKind::BadInput, "a data block unpacks to more than {}",
                    human_bytes(static_cast<double>(most_bytes)));
    }
    if (state != Z_STREAM_END) fail_packed();
    return bytes;
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

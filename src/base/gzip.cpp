#include "base/gzip.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>

#include <zlib.h>

#include "base/error.h"

namespace urial {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for gzip's header
constexpr std::size_t kBlock = 64u << 10;

Bytef* bytes_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

/// zlib counts in 32 bits.
void give(z_stream& stream, std::string_view& rest) {
    const std::size_t part = std::min<std::size_t>(rest.size(), std::numeric_limits<uInt>::max());
    stream.next_in = bytes_of(rest);
    stream.avail_in = static_cast<uInt>(part);
    rest.remove_prefix(part);
}

/// Puts what comes out behind `result`.
template <typename Step>
int take(z_stream& stream, std::string& result, Step step) {
    const std::size_t begin = result.size();
    result.resize(begin + kBlock);
    stream.next_out = reinterpret_cast<Bytef*>(result.data() + begin);
    stream.avail_out = static_cast<uInt>(kBlock);
    const int status = step();
    result.resize(begin + kBlock - stream.avail_out);
    return status;
}

}  // namespace

std::string gzip(std::string_view text, int level) {
    z_stream stream{};
    if (deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, 9, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, decltype(&deflateEnd)> end(&stream, &deflateEnd);
    std::string packed;
    int status = Z_OK;
    while (status != Z_STREAM_END) {
        if (stream.avail_in == 0) give(stream, text);
        status = take(stream, packed, [&] { return deflate(&stream, text.empty() ? Z_FINISH : Z_NO_FLUSH); });
    }
    return packed;
}

std::string gunzip(std::string_view packed, std::size_t most_bytes) {
    z_stream stream{};
    if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, &inflateEnd);
    std::string text;
    while (true) {
        if (stream.avail_in == 0) give(stream, packed);
        const int status = take(stream, text, [&] { return inflate(&stream, Z_NO_FLUSH); });
        if (text.size() > most_bytes) {
            throw error(ErrorKind::BadInput, "gzip data that unpacks to more than {} bytes", most_bytes);
        }
        if (status == Z_STREAM_END) return text;
        if (status != Z_OK || (stream.avail_in == 0 && packed.empty() && stream.avail_out > 0)) {
            throw error(ErrorKind::BadInput, "gzip data that is damaged or cut off");
        }
    }
}

}  // namespace urial

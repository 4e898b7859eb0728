#include "base/unpacked_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <zlib.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace urial {
namespace {

/// JSON shrinks to a tenth, or a fiftieth where it repeats itself. Beyond this it is made to fill a memory or a day.
constexpr std::size_t kMostInflation = 400;
constexpr std::size_t kUnsuspicious = 64u << 20;

}  // namespace

/// zlib passes plain bytes through unchanged.
struct UnpackedFile::State {
    gzFile file = nullptr;
    std::vector<char> buffer = std::vector<char>(1 << 18);
};

UnpackedFile::UnpackedFile(fs::path path, std::size_t most_bytes)
    : path_(std::move(path)), most_bytes_(most_bytes), state_(std::make_unique<State>()) {
    check_readable(path_);
    state_->file = gzopen(path_.c_str(), "rb");
    if (state_->file == nullptr) {
        throw error(ErrorKind::Io, "{}: cannot open: {}", path_.string(), std::strerror(errno));
    }
}

UnpackedFile::~UnpackedFile() { gzclose(state_->file); }

std::string_view UnpackedFile::next() {
    std::vector<char>& buffer = state_->buffer;
    const int count = gzread(state_->file, buffer.data(), static_cast<unsigned>(buffer.size()));
    int code = Z_OK;
    const char* message = gzerror(state_->file, &code);
    if (count < 0 || (count == 0 && code == Z_BUF_ERROR)) {
        throw error(ErrorKind::BadInput, "{}: the gzip data is damaged or cut off ({})", path_.string(), message);
    }
    bytes_ += static_cast<std::size_t>(count);
    check_budget();
    return {buffer.data(), static_cast<std::size_t>(count)};
}

void UnpackedFile::seek(std::size_t byte) {
    if (gzseek(state_->file, static_cast<z_off_t>(byte), SEEK_SET) < 0) {
        throw error(ErrorKind::Io, "{}: cannot go to byte {}", path_.string(), byte);
    }
    bytes_ = byte;
}

void UnpackedFile::check_budget() const {
    if (bytes_ > most_bytes_) {
        throw error(ErrorKind::BadInput, "{}: more than {} of JSON; split the file", path_.string(),
                    human_bytes(static_cast<double>(most_bytes_)));
    }
    if (bytes_ <= kUnsuspicious || gzdirect(state_->file) != 0) return;
    const auto packed = static_cast<std::size_t>(std::max<z_off_t>(1, gzoffset(state_->file)));
    if (bytes_ / packed <= kMostInflation) return;
    throw error(ErrorKind::BadInput, "{}: the gzip data unpacks to more than {} times its size; unpack it first",
                path_.string(), kMostInflation);
}

LineReader::LineReader(fs::path path, std::size_t longest)
    : file_(std::move(path), std::numeric_limits<std::size_t>::max()), longest_(longest) {}

void LineReader::take(std::string_view bytes) {
    if (line_.size() + bytes.size() > longest_) is_too_long_ = true;
    line_.append(bytes.substr(0, longest_ - std::min(longest_, line_.size())));
}

std::optional<FileLine> LineReader::next() {
    line_.clear();
    is_too_long_ = false;
    bool has_bytes = false;
    const std::size_t begin = taken_;
    for (;;) {
        if (rest_.empty()) rest_ = file_.next();
        if (rest_.empty()) break;
        has_bytes = true;
        const std::size_t end = rest_.find('\n');
        take(rest_.substr(0, end));
        const std::size_t count = end == std::string_view::npos ? rest_.size() : end + 1;
        taken_ += count;
        rest_.remove_prefix(count);
        if (end != std::string_view::npos) return FileLine{line_, ++number_, begin, true, is_too_long_};
    }
    if (!has_bytes) return std::nullopt;
    return FileLine{line_, ++number_, begin, false, is_too_long_};
}

}  // namespace urial

#include <algorithm>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file_system.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/parallel.h"
#include "base/system_calls.h"
#include "base/text.h"

namespace urial {
namespace {

/// Calls `line(number, text)` for each line that ends with a newline.
template <typename Line>
void for_each_whole_line(const fs::path& path, Line line) {
    std::string pending;
    std::size_t number = 0;
    for_each_block(path, [&](std::string_view block) {
        for (std::size_t end = block.find('\n'); end != std::string_view::npos; end = block.find('\n')) {
            pending += block.substr(0, end);
            line(++number, std::string_view(pending));
            pending.clear();
            block.remove_prefix(end + 1);
        }
        pending += block;
        if (pending.size() > kRecordLimits.bytes) {
            throw error(ErrorKind::BadInput, "{}:{}: a line longer than {}, which no record is", path.string(),
                        number + 1, human_bytes(static_cast<double>(kRecordLimits.bytes)));
        }
    });
}

/// Of lines that are read at the same time: enough for all cores, and little memory.
constexpr std::size_t kParallelBytes = 8u << 20;

/// Opens for appending; the second value says whether the file was created.
std::pair<int, bool> open_to_append(const fs::path& path, unsigned permissions) {
    const auto open = [&](int more) {
        return uninterrupted(
            [&] { return file_system().open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | more, permissions); });
    };
    if (const int created = open(O_EXCL); created >= 0) return {created, true};
    return {open(0), false};
}

}  // namespace

std::vector<std::size_t> for_each_written_line(const fs::path& path,
                                               const std::function<void(std::size_t, nlohmann::ordered_json&&)>& line) {
    std::vector<std::size_t> damaged;
    for_each_whole_line(path, [&](std::size_t number, std::string_view text) {
        if (trim(text).empty()) return;
        std::optional<nlohmann::ordered_json> value;
        if (is_valid_utf8(text)) value = try_parse_json(text, kRecordLimits);
        if (!value) {
            damaged.push_back(number);
            return;
        }
        try {
            line(number, std::move(*value));
        } catch (const nlohmann::json::exception& failure) {  // a field of another type than the caller takes
            throw error(ErrorKind::BadInput, "{}:{}: {}", path.string(), number, failure.what());
        }
    });
    return damaged;
}

void for_each_line_parallel(const fs::path& path,
                            const std::function<std::function<void()>(std::size_t, std::string_view)>& read) {
    std::vector<std::pair<std::size_t, std::string>> lines;
    std::vector<std::function<void()>> results;
    std::size_t bytes = 0;
    const auto read_lines = [&] {
        results.assign(lines.size(), {});
        for_each_parallel(lines.size(), 0, [&](std::size_t i) { results[i] = read(lines[i].first, lines[i].second); });
        for (const std::function<void()>& result : results) {
            if (result) result();
        }
        lines.clear();
        bytes = 0;
    };
    for_each_whole_line(path, [&](std::size_t number, std::string_view text) {
        if (trim(text).empty()) return;
        lines.emplace_back(number, text);
        bytes += text.size();
        if (bytes >= kParallelBytes) read_lines();
    });
    read_lines();
}

std::string select_lines(const fs::path& path, const std::function<bool(std::size_t)>& is_wanted) {
    std::string lines;
    for_each_whole_line(path, [&](std::size_t number, std::string_view text) {
        if (is_wanted(number)) lines.append(text) += '\n';
    });
    return lines;
}

fs::path set_aside(const fs::path& path, std::string_view lines) {
    std::error_code ignored;
    fs::path beside = path.string() + ".damaged";
    for (int i = 2; fs::exists(beside, ignored); ++i) beside = fmt::format("{}.damaged-{}", path.string(), i);
    struct stat status {};
    const unsigned mode = ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0600U;
    write_file_atomic(beside, lines, mode);
    return beside;
}

JsonLinesWriter::JsonLinesWriter(fs::path path, unsigned permissions) : path_(std::move(path)) {
    if (path_.has_parent_path()) make_directories(path_.parent_path());
    if (fs::is_directory(path_)) {
        throw error(ErrorKind::BadInput, "{}: is a directory, a file name is needed", path_.string());
    }
    for (;;) {
        std::tie(descriptor_, is_new_) = open_to_append(path_, permissions);
        if (descriptor_ < 0) throw_system_error(path_, "open for writing");
        try {
            if (!try_lock(descriptor_, path_)) {
                throw error(ErrorKind::Unavailable,
                            "{} is being written by another run; wait for it or name another file", path_.string());
            }
            struct stat status {};
            if (::fstat(descriptor_, &status) != 0) throw_system_error(path_, "look at");
            is_regular_ = S_ISREG(status.st_mode);
            size_ = static_cast<std::size_t>(is_regular_ ? status.st_size : 0);
        } catch (...) {
            ::close(descriptor_);
            throw;
        }
        if (!is_regular_ || is_open_at(descriptor_, path_)) return;
        ::close(descriptor_);  // between the two calls another run replaced or removed the file
    }
}

JsonLinesWriter::~JsonLinesWriter() {
    if (is_new_ && size_ == 0 && is_open_at(descriptor_, path_)) file_system().remove(path_.c_str());
    ::close(descriptor_);
}

void JsonLinesWriter::cut_to(std::size_t size) {
    if (is_regular_ &&
        uninterrupted([&] { return file_system().truncate(descriptor_, static_cast<off_t>(size)); }) != 0) {
        throw_system_error(path_, "shorten");
    }
    size_ = size;
}

std::size_t JsonLinesWriter::repair() {
    std::size_t keep = size_;
    std::vector<char> block(std::size_t{1} << 16);
    while (keep > 0) {
        const std::size_t count = std::min(block.size(), keep);
        const ssize_t got =
            uninterrupted([&] { return ::pread(descriptor_, block.data(), count, static_cast<off_t>(keep - count)); });
        if (got != static_cast<ssize_t>(count)) throw_system_error(path_, "read");
        const std::size_t newline = std::string_view(block.data(), count).rfind('\n');
        if (newline != std::string_view::npos) {
            keep += newline + 1 - count;
            break;
        }
        keep -= count;
    }
    const std::size_t torn = size_ - keep;
    if (torn > 0) cut_to(keep);
    return torn;
}

void JsonLinesWriter::begin_anew() {
    if (size_ == 0) return;
    cut_to(0);
    sync();
}

void JsonLinesWriter::replace(std::string_view lines) {
    // Renaming a new file into place would leave the lock on the old one: a second run could slip in. The new file is
    // locked before it takes the name.
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) throw_system_error(path_, "look at");
    AtomicFile file(path_, status.st_mode & 0777U);
    file.write(lines);
    file.commit();
    ::close(std::exchange(descriptor_, std::exchange(file.descriptor_, -1)));
    size_ = lines.size();
    is_new_ = false;
    broken_ = false;
}

void JsonLinesWriter::append(const nlohmann::ordered_json& record) {
    if (broken_) {
        throw error(ErrorKind::Io, "{}: half a record is in the file and could not be cut off: nothing more is taken",
                    path_.string());
    }
    std::string line = record.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    line += '\n';
    try {
        write_all(descriptor_, line, path_);
    } catch (...) {
        broken_ = is_regular_;
        if (is_regular_ &&
            uninterrupted([&] { return file_system().truncate(descriptor_, static_cast<off_t>(size_)); }) == 0) {
            broken_ = false;
        }
        throw;
    }
    size_ += line.size();
}

void JsonLinesWriter::sync() {
    const int synced = uninterrupted([&] { return file_system().sync_data(descriptor_); });
    if (synced != 0 && errno != EINVAL) throw_system_error(path_, "write");  // EINVAL: a pipe
    if (!std::exchange(name_synced_, true)) sync_folder_of(path_);
}

}  // namespace urial

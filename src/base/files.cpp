#include "base/files.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file_system.h"
#include "base/json_reader.h"
#include "base/system_calls.h"
#include "base/text.h"

namespace urial {
namespace {

/// A file descriptor that closes itself.
class Descriptor {
public:
    Descriptor(const fs::path& path, int flags, unsigned mode, std::string_view action)
        : value_(open_file(path, flags, mode, action)) {}
    ~Descriptor() { ::close(value_); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int value() const { return value_; }

private:
    int value_;
};

fs::path home_dir() {
    if (const auto home = environment("HOME")) return *home;
    throw Error(ErrorKind::NotFound,
                "HOME is not set: set it, or URIAL_CACHE and URIAL_CONFIG_DIR, to say where files go");
}

fs::path xdg_dir(const char* own, const char* xdg, const char* below_home) {
    if (own != nullptr) {
        if (const auto value = environment(own)) return *value;
    }
    if (const auto value = environment(xdg)) return fs::path(*value) / "urial";
    return home_dir() / below_home / "urial";
}

bool is_terminal(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return false;
    const bool terminal = ::isatty(descriptor) == 1;
    ::close(descriptor);
    return terminal;
}

}  // namespace

void check_readable(const fs::path& path) {
    std::error_code ignored;
    switch (fs::status(path, ignored).type()) {
        case fs::file_type::not_found: throw error(ErrorKind::NotFound, "{}: no such file", path.string());
        case fs::file_type::directory:
            throw error(ErrorKind::BadInput, "{}: is a directory, a file is needed", path.string());
        case fs::file_type::character:
            if (is_terminal(path)) return;
            [[fallthrough]];
        case fs::file_type::block: throw error(ErrorKind::BadInput, "{}: is a device, a file is needed", path.string());
        default: return;
    }
}

void for_each_block(const fs::path& path, const std::function<void(std::string_view)>& block) {
    check_readable(path);
    const Descriptor file(path, O_RDONLY, 0, "open");
    std::vector<char> buffer(1 << 20);
    for (;;) {
        const ssize_t count = ::read(file.value(), buffer.data(), buffer.size());
        if (count < 0) {
            if (errno == EINTR) continue;
            throw_system_error(path, "read");
        }
        if (count == 0) return;
        block({buffer.data(), static_cast<std::size_t>(count)});
    }
}

std::string read_file(const fs::path& path, std::size_t most_bytes) {
    std::string content;
    for_each_block(path, [&](std::string_view block) {
        if (block.size() > most_bytes - content.size()) {
            throw error(ErrorKind::BadInput, "{}: is larger than {}, the most that such a file may have", path.string(),
                        human_bytes(static_cast<double>(most_bytes)));
        }
        content += block;
    });
    return content;
}

std::string read_text_file(const fs::path& path, std::size_t most_bytes) {
    std::string content = read_file(path, most_bytes);
    if (content.starts_with("\xEF\xBB\xBF")) content.erase(0, 3);
    const std::size_t valid = valid_utf8_length(content);
    if (valid != content.size()) {
        throw error(ErrorKind::BadInput, "{}: not UTF-8 at byte {}; convert the file to UTF-8", path.string(), valid);
    }
    return content;
}

void make_directories(const fs::path& path, unsigned mode) {
    if (!path.has_filename() && path.has_parent_path() && path != path.parent_path()) {
        return make_directories(path.parent_path(), mode);  // "folder/"
    }
    std::error_code ignored;
    if (path.empty() || fs::is_directory(path, ignored)) return;
    constexpr unsigned kAsTheUserLikes = 0777;  // less the user's mask
    if (path.has_parent_path()) make_directories(path.parent_path(), kAsTheUserLikes);
    if (uninterrupted([&] { return file_system().make_directory(path.c_str(), mode); }) == 0) {
        if (mode != kAsTheUserLikes) fs::permissions(path, static_cast<fs::perms>(mode), ignored);
        sync_folder_of(path);
        return;
    }
    const int code = errno;
    if (code == EEXIST && fs::is_directory(path, ignored)) return;  // another process was quicker
    if (code == EEXIST || code == ENOTDIR) {
        throw error(ErrorKind::Io, "{}: a folder is needed here, but a file has this name", path.string());
    }
    throw error(ErrorKind::Io, "{}: cannot create the folder: {}", path.string(), std::strerror(code));
}

bool is_same_file(const fs::path& one, const fs::path& other) {
    std::error_code failure;
    return fs::equivalent(one, other, failure) && !failure;
}

void refuse_same_file(const fs::path& input, const fs::path& output) {
    if (!is_same_file(input, output)) return;
    throw error(ErrorKind::BadInput, "{}: input and output are the same file; name another output", output.string());
}

void check_parent_folder(const fs::path& path) {
    std::error_code ignored;
    const fs::path folder = path.parent_path();
    if (folder.empty() || fs::is_directory(folder, ignored)) return;
    throw error(ErrorKind::NotFound, "{}: there is no folder {}; create it, or name another file", path.string(),
                folder.string());
}

void for_each_json_line(const fs::path& path, const std::function<void(std::size_t, nlohmann::ordered_json&&)>& line) {
    for_each_json_line(path, line, kRecordFileLimits);
}

void for_each_json_line(const fs::path& path, const std::function<void(std::size_t, nlohmann::ordered_json&&)>& line,
                        const InputLimits& limits) {
    std::string pending;
    std::size_t number = 0;
    std::size_t bytes = 0;
    const auto refuse = [&](std::string_view what) {
        throw error(ErrorKind::BadInput, "{}:{}: {}", path.string(), number, what);
    };
    const auto parse = [&](std::string_view text, bool ended) {
        ++number;
        if (number > limits.values) refuse(fmt::format("more than {} lines; split the file", limits.values));
        if (text.ends_with('\r')) text.remove_suffix(1);
        if (trim(text).empty()) return;
        if (!is_valid_utf8(text)) refuse("not UTF-8; convert the file to UTF-8");
        nlohmann::ordered_json value;
        try {
            value = parse_json(text, limits.value);
        } catch (const Error& problem) {
            refuse(
                fmt::format("{}{}", problem.what(), ended ? "" : ", and the line has no end: the file looks cut off"));
        }
        try {
            line(number, std::move(value));
        } catch (const nlohmann::json::exception& failure) {  // a field of another type than the caller takes
            refuse(failure.what());
        }
    };
    for_each_block(path, [&](std::string_view block) {
        bytes += block.size();
        if (bytes > limits.bytes) {
            refuse(fmt::format("more than {} in all; split the file", human_bytes(static_cast<double>(limits.bytes))));
        }
        while (!block.empty()) {
            const std::size_t end = block.find('\n');
            pending += block.substr(0, end);
            if (pending.size() > limits.value.bytes) {
                ++number;
                refuse(fmt::format("the line is longer than {}", human_bytes(static_cast<double>(limits.value.bytes))));
            }
            if (end == std::string_view::npos) return;
            parse(pending, true);
            pending.clear();
            block.remove_prefix(end + 1);
        }
    });
    if (!pending.empty()) parse(pending, false);
}

FileLock::FileLock(const fs::path& path, std::string_view what) {
    if (path.has_parent_path()) make_directories(path.parent_path());
    descriptor_ = open_file(path, O_RDWR | O_CREAT, 0644, "open");
    try {
        if (!try_lock(descriptor_, path)) {
            throw error(ErrorKind::Unavailable, "{} is in use by another run; wait for it or name another", what);
        }
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

FileLock::~FileLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

fs::path user_cache_dir() { return xdg_dir("URIAL_CACHE", "XDG_CACHE_HOME", ".cache"); }
fs::path user_config_dir() { return xdg_dir("URIAL_CONFIG_DIR", "XDG_CONFIG_HOME", ".config"); }
fs::path user_state_dir() { return xdg_dir(nullptr, "XDG_STATE_HOME", ".local/state"); }
fs::path user_data_dir() { return xdg_dir("URIAL_DATA", "XDG_DATA_HOME", ".local/share"); }

std::optional<std::string> environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
}

}  // namespace urial

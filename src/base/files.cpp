#include "base/files.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace urial {
namespace {

[[noreturn]] void throw_system_error(const fs::path& path, std::string_view action) {
    const int code = errno;
    const ErrorKind kind = code == ENOENT ? ErrorKind::NotFound : ErrorKind::Io;
    throw error(kind, "{}: cannot {}: {}", path.string(), action, std::strerror(code));
}

/// A file descriptor that closes itself.
class Descriptor {
public:
    Descriptor(const fs::path& path, int flags, unsigned mode, std::string_view action)
        : value_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
        if (value_ < 0) throw_system_error(path, action);
    }
    ~Descriptor() { ::close(value_); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int value() const { return value_; }

private:
    int value_;
};

void write_all(int descriptor, std::string_view bytes, const fs::path& path) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            throw_system_error(path, "write");
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void check_regular(const fs::path& path) {
    std::error_code ignored;
    const fs::file_status status = fs::status(path, ignored);
    if (status.type() == fs::file_type::not_found) {
        throw error(ErrorKind::NotFound, "{}: no such file", path.string());
    }
    if (status.type() == fs::file_type::directory) {
        throw error(ErrorKind::BadInput, "{}: is a directory, a file is needed", path.string());
    }
}

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

}  // namespace

void for_each_block(const fs::path& path, const std::function<void(std::string_view)>& block) {
    check_regular(path);
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

std::string read_file(const fs::path& path) {
    std::string content;
    for_each_block(path, [&](std::string_view block) { content += block; });
    return content;
}

std::string read_text_file(const fs::path& path) {
    std::string content = read_file(path);
    if (content.starts_with("\xEF\xBB\xBF")) content.erase(0, 3);
    const std::size_t valid = valid_utf8_length(content);
    if (valid != content.size()) {
        throw error(ErrorKind::BadInput, "{}: not UTF-8 at byte {}; convert the file to UTF-8", path.string(), valid);
    }
    return content;
}

void write_file_atomic(const fs::path& path, std::string_view bytes, unsigned mode) {
    if (path.has_parent_path()) make_directories(path.parent_path());
    std::string temporary = path.string() + ".XXXXXX";
    const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
    if (descriptor < 0) throw_system_error(path, "create a file beside it");
    try {
        write_all(descriptor, bytes, path);
        if (::fchmod(descriptor, mode) != 0 || ::fsync(descriptor) != 0) throw_system_error(path, "write");
    } catch (...) {
        ::close(descriptor);
        ::unlink(temporary.c_str());
        throw;
    }
    ::close(descriptor);
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int code = errno;
        ::unlink(temporary.c_str());
        errno = code;
        throw_system_error(path, "rename the finished file to it");
    }
}

void make_directories(const fs::path& path, unsigned mode) {
    std::error_code failure;
    if (fs::create_directories(path, failure)) {
        fs::permissions(path, static_cast<fs::perms>(mode), failure);
    } else if (failure) {
        throw error(ErrorKind::Io, "{}: cannot create the folder: {}", path.string(), failure.message());
    } else if (!fs::is_directory(path)) {
        throw error(ErrorKind::Io, "{}: a folder is needed here, but a file has this name", path.string());
    }
}

void for_each_json_line(const fs::path& path, const std::function<void(std::size_t, nlohmann::ordered_json&&)>& line) {
    std::string pending;
    std::size_t number = 0;
    const auto parse = [&](std::string_view text, bool ended) {
        ++number;
        if (text.ends_with('\r')) text.remove_suffix(1);
        const auto refuse = [&](std::string_view what) {
            throw error(ErrorKind::BadInput, "{}:{}: {}", path.string(), number, what);
        };
        if (trim(text).empty()) refuse("empty line; each line must be one JSON object");
        if (!is_valid_utf8(text)) refuse("not UTF-8; convert the file to UTF-8");
        nlohmann::ordered_json value = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
        if (value.is_discarded()) {
            refuse(ended ? "not a JSON value" : "not a JSON value, and the line has no end: the file looks cut off");
        }
        try {
            line(number, std::move(value));
        } catch (const nlohmann::json::exception& failure) {  // a field of another type than the caller takes
            refuse(failure.what());
        }
    };
    for_each_block(path, [&](std::string_view block) {
        while (!block.empty()) {
            const std::size_t end = block.find('\n');
            pending += block.substr(0, end);
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
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) throw_system_error(path, "open");
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        const int code = errno;
        ::close(descriptor_);
        if (code == EWOULDBLOCK) {
            throw error(ErrorKind::Unavailable, "{} is in use by another run; wait for it or name another", what);
        }
        errno = code;
        throw_system_error(path, "lock");
    }
}

FileLock::~FileLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

JsonLinesWriter::JsonLinesWriter(fs::path path, Open mode, unsigned permissions)
    : path_(std::move(path)), permissions_(permissions) {
    if (path_.has_parent_path()) make_directories(path_.parent_path());
    if (fs::is_directory(path_)) {
        throw error(ErrorKind::BadInput, "{}: is a directory, a file name is needed", path_.string());
    }
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, permissions);
    if (descriptor_ < 0) throw_system_error(path_, "open for writing");
    try {
        if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
            throw error(ErrorKind::Unavailable, "{} is being written by another run; wait for it or name another file",
                        path_.string());
        }
        struct stat status {};
        if (::fstat(descriptor_, &status) != 0) throw_system_error(path_, "look at");
        auto keep = static_cast<std::size_t>(S_ISREG(status.st_mode) ? status.st_size : 0);
        if (mode == Open::Truncate) keep = 0;
        const std::size_t size = keep;
        while (keep > 0) {
            char last = 0;
            if (::pread(descriptor_, &last, 1, static_cast<off_t>(keep - 1)) != 1) throw_system_error(path_, "read");
            if (last == '\n') break;
            --keep;
        }
        repaired_bytes_ = size - keep;
        if (S_ISREG(status.st_mode) && ::ftruncate(descriptor_, static_cast<off_t>(keep)) != 0) {
            throw_system_error(path_, "shorten");
        }
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

JsonLinesWriter::~JsonLinesWriter() { ::close(descriptor_); }

void JsonLinesWriter::append(const nlohmann::ordered_json& record) {
    std::string line = record.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    line += '\n';
    write_all(descriptor_, line, path_);
}

void JsonLinesWriter::sync() {
    if (::fdatasync(descriptor_) != 0 && errno != EINVAL) throw_system_error(path_, "write");  // EINVAL: a pipe
}

void JsonLinesWriter::replace(std::string_view lines) {
    // Renaming a new file into place would leave the lock on the old one: a second run could slip in. The new file is
    // locked before it takes the name.
    const std::string temporary = path_.string() + ".rewrite";
    write_file_atomic(temporary, lines, permissions_);
    const int descriptor = ::open(temporary.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
    if (descriptor < 0 || ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 ||
        ::rename(temporary.c_str(), path_.c_str()) != 0) {
        const int code = errno;
        if (descriptor >= 0) ::close(descriptor);
        errno = code;
        throw_system_error(path_, "rewrite");
    }
    ::close(std::exchange(descriptor_, descriptor));
}

fs::path user_cache_dir() { return xdg_dir("URIAL_CACHE", "XDG_CACHE_HOME", ".cache"); }
fs::path user_config_dir() { return xdg_dir("URIAL_CONFIG_DIR", "XDG_CONFIG_HOME", ".config"); }
fs::path user_state_dir() { return xdg_dir(nullptr, "XDG_STATE_HOME", ".local/state"); }

std::optional<std::string> environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
}

}  // namespace urial

#pragma once

// Files the way a long-running tool needs them: whole reads with clear errors, atomic writes, JSON lines that
// survive a kill at any byte, one writer per file. All throw Error{NotFound|Io|BadInput} naming the path.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace urial {

namespace fs = std::filesystem;

/// The whole file. A directory, a missing file and an unreadable file are errors that say which.
std::string read_file(const fs::path& path);

/// read_file, and the bytes must be UTF-8 (the error gives the byte offset). A byte order mark is removed.
std::string read_text_file(const fs::path& path);

/// Calls `block` with consecutive parts of the file, at most 1 MiB each.
void for_each_block(const fs::path& path, const std::function<void(std::string_view)>& block);

/// Writes to a temporary file beside `path`, syncs it and renames it: readers see the old or the new content, whole.
/// Parent folders are created. `mode` are the permission bits of the new file.
void write_file_atomic(const fs::path& path, std::string_view bytes, unsigned mode = 0644);

/// Creates the folder and its parents; `mode` applies to the last one if it is new.
void make_directories(const fs::path& path, unsigned mode = 0755);

/// Parses `path` line by line: `line(number, value)`, numbers from 1. An empty or torn line, or one that is not UTF-8
/// or not JSON, is Error{BadInput} with the line number.
void for_each_json_line(const fs::path& path, const std::function<void(std::size_t, nlohmann::ordered_json&&)>& line);

/// An advisory lock on a file, held until destruction. Another holder, in this or another process, is
/// Error{Unavailable}.
class FileLock {
public:
    /// Locks `path` itself, creating it where absent. `what` names the thing in the error ("output file out.jsonl").
    FileLock(const fs::path& path, std::string_view what);
    ~FileLock();
    FileLock(FileLock&&) noexcept;
    FileLock& operator=(FileLock&&) = delete;

private:
    int descriptor_;
};

/// Appends JSON lines, one write(2) per record, to a file that it holds locked. Opening repairs a torn tail (bytes
/// after the last newline) by cutting it off and reports how many bytes went. `permissions` are those of a new file.
/// Not thread-safe.
class JsonLinesWriter {
public:
    enum class Open { Append, Truncate };
    JsonLinesWriter(fs::path path, Open mode, unsigned permissions = 0644);
    ~JsonLinesWriter();
    JsonLinesWriter(const JsonLinesWriter&) = delete;
    JsonLinesWriter& operator=(const JsonLinesWriter&) = delete;

    std::size_t repaired_bytes() const { return repaired_bytes_; }
    void append(const nlohmann::ordered_json& record);
    /// Returns when all that was appended is on the disk, where a crash of the machine cannot reach it.
    void sync();
    /// Puts `lines` (whole lines) in the place of all that is there, keeping the lock. A copy beside the file holds the
    /// new content until it is in place.
    void replace(std::string_view lines);
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
    unsigned permissions_;
    int descriptor_ = -1;
    std::size_t repaired_bytes_ = 0;
};

/// `$URIAL_CACHE`, else `$XDG_CACHE_HOME/urial`, else `~/.cache/urial`. Not created.
fs::path user_cache_dir();
/// `$URIAL_CONFIG_DIR`, else `$XDG_CONFIG_HOME/urial`, else `~/.config/urial`. Not created.
fs::path user_config_dir();
/// `$XDG_STATE_HOME/urial`, else `~/.local/state/urial`: history files. Not created.
fs::path user_state_dir();

/// The variable's value; an empty value counts as absent.
std::optional<std::string> environment(const char* name);

}  // namespace urial

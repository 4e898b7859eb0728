#pragma once

// Files the way a long-running tool needs them: whole reads with clear errors, atomic writes, JSON lines that
// survive a kill at any byte, one writer per file. All throw Error{NotFound|Io|BadInput} naming the path.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace urial {

namespace fs = std::filesystem;

struct InputLimits;

/// Throws for what is no file that can be read to its end: nothing there, a directory, a device but the terminal.
void check_readable(const fs::path& path);

/// The whole file. What check_readable() refuses, an unreadable file and one with more than `most_bytes` are errors
/// that say which.
std::string read_file(const fs::path& path, std::size_t most_bytes = std::size_t{4} << 30);

/// read_file, and the bytes must be UTF-8 (the error gives the byte offset). A byte order mark is removed.
std::string read_text_file(const fs::path& path, std::size_t most_bytes = 64u << 20);

/// Calls `block` with consecutive parts of the file, at most 1 MiB each.
void for_each_block(const fs::path& path, const std::function<void(std::string_view)>& block);

/// Readers see the old or the new content, whole, and so does who comes after a power cut: see AtomicFile.
void write_file_atomic(const fs::path& path, std::string_view bytes, unsigned mode = 0644);

/// The next content of a file, written to a temporary one beside it, ".NAME.urial-XXXXXX", that takes its name when all
/// is on the disk. The temporary file is locked, so that one without a lock is known as what a killed process left: the
/// next AtomicFile of the same name removes it. What is no regular file (a pipe, /dev/stdout) is written to as it is.
/// Not thread-safe.
class AtomicFile {
public:
    /// `mode` are the permission bits of the new file. Parent folders are created.
    explicit AtomicFile(const fs::path& path, unsigned mode = 0644);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::string_view bytes);
    /// For who writes by name: the temporary file.
    const fs::path& temporary() const { return temporary_; }
    /// Until here nothing has changed at `path`, and without this call nothing does.
    void commit();

private:
    friend class JsonLinesWriter;  // goes on with the descriptor and its lock
    fs::path path_;
    fs::path temporary_;
    unsigned mode_;
    int descriptor_ = -1;
    bool committed_ = false;  // or a stream, which has nothing to commit
};

/// Creates the folder and its parents; `mode` applies to the last one if it is new.
void make_directories(const fs::path& path, unsigned mode = 0755);

/// Parses `path` line by line: `line(number, value)`, numbers from 1. Blank lines are passed over; a torn line, or one
/// that is not UTF-8 or not JSON, is Error{BadInput} with the line number. Without `limits` the file is taken for one
/// of our own records.
void for_each_json_line(const fs::path& path, const std::function<void(std::size_t, nlohmann::ordered_json&&)>& line);
void for_each_json_line(const fs::path& path, const std::function<void(std::size_t, nlohmann::ordered_json&&)>& line,
                        const InputLimits& limits);

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

/// Do both names lead to one file? False where one does not exist.
bool is_same_file(const fs::path& one, const fs::path& other);

/// Error{BadInput} where both are one file.
void refuse_same_file(const fs::path& input, const fs::path& output);

/// Error{NotFound} naming the folder that `path` is to be written to where there is none.
void check_parent_folder(const fs::path& path);

/// Calls `line(number, value)` for the whole lines of a file that a JsonLinesWriter wrote; a torn tail is passed over.
/// Returns the numbers of the lines that are damaged: no JSON, as a power cut leaves them. Blank lines are none.
std::vector<std::size_t> for_each_written_line(const fs::path& path,
                                               const std::function<void(std::size_t, nlohmann::ordered_json&&)>& line);

/// Calls `read(number, line)` for the lines of such a file on several threads, in any order; what it returns is called
/// here, line after line. Blank lines and a torn tail are passed over. Of the errors of `read` one that comes is
/// thrown.
void for_each_line_parallel(const fs::path& path,
                            const std::function<std::function<void()>(std::size_t, std::string_view)>& read);

/// The whole lines of a file, byte for byte, whose numbers are wanted.
std::string select_lines(const fs::path& path, const std::function<bool(std::size_t)>& is_wanted);

/// Puts `lines` into a new file "X.damaged" (or "X.damaged-2"...) beside `path`, on the disk, and returns its name.
fs::path set_aside(const fs::path& path, std::string_view lines);

/// Appends JSON lines to a file that it holds locked. Opening changes nothing that is there: whether the file is one of
/// ours is for the caller to find out, before repair(), begin_anew() or replace() makes it ready for append(). A line
/// is in the file whole or not at all: what a failed append left of it is cut off, and where that fails too nothing
/// more is taken. A file that the writer made and that got no line goes when the writer does. Not thread-safe.
class JsonLinesWriter {
public:
    /// `permissions` are those of a new file. Error{Unavailable} where another run holds the file.
    explicit JsonLinesWriter(fs::path path, unsigned permissions = 0644);
    ~JsonLinesWriter();
    JsonLinesWriter(const JsonLinesWriter&) = delete;
    JsonLinesWriter& operator=(const JsonLinesWriter&) = delete;

    /// Bytes in the file: found when it was opened, then as it grows.
    std::size_t size() const { return size_; }
    /// Cuts off what follows the last newline, as a killed run leaves it; returns how many bytes went.
    std::size_t repair();
    /// Empties the file, on the disk too.
    void begin_anew();
    /// Puts `lines` (whole lines) in the place of all that is there, keeping the lock.
    void replace(std::string_view lines);
    void append(const nlohmann::ordered_json& record);
    /// Returns when all that was appended is on the disk, where a crash of the machine cannot reach it.
    void sync();
    const fs::path& path() const { return path_; }

private:
    void cut_to(std::size_t size);

    fs::path path_;
    int descriptor_ = -1;
    bool is_regular_ = true;
    bool is_new_ = false;  // made by this writer
    bool name_synced_ = false;
    bool broken_ = false;  // half a line is in the file and cannot be cut off
    std::size_t size_ = 0;
};

/// `$URIAL_CACHE`, else `$XDG_CACHE_HOME/urial`, else `~/.cache/urial`. Not created.
fs::path user_cache_dir();
/// `$URIAL_CONFIG_DIR`, else `$XDG_CONFIG_HOME/urial`, else `~/.config/urial`. Not created.
fs::path user_config_dir();
/// `$XDG_STATE_HOME/urial`, else `~/.local/state/urial`: history files. Not created.
fs::path user_state_dir();
/// `$URIAL_DATA`, else `$XDG_DATA_HOME/urial`, else `~/.local/share/urial`: conversations of the server's page. Not
/// created.
fs::path user_data_dir();

/// The variable's value; an empty value counts as absent.
std::optional<std::string> environment(const char* name);

}  // namespace urial

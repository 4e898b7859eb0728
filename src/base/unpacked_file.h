#pragma once

// A file that may be packed with gzip, recognised by its content: its bytes as they come, and its lines. What it
// unpacks to is limited, so that a small file does not fill a memory or a day. Belongs to one thread.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace urial {

class UnpackedFile {
public:
    /// `most_bytes` is what it may unpack to. Throws as check_readable().
    UnpackedFile(std::filesystem::path path, std::size_t most_bytes);
    ~UnpackedFile();
    UnpackedFile(const UnpackedFile&) = delete;
    UnpackedFile& operator=(const UnpackedFile&) = delete;

    /// The next bytes, until the next call; empty at the end of the file. Throws Error{BadInput} for damaged gzip data
    /// and beyond the limits.
    std::string_view next();
    /// The next bytes will be those from this one of the unpacked content on: at once where the file is not packed or
    /// the place lies ahead, else all before it is unpacked again.
    void seek(std::size_t byte);
    const std::filesystem::path& path() const { return path_; }

private:
    struct State;
    void check_budget() const;

    std::filesystem::path path_;
    std::size_t most_bytes_;
    std::size_t bytes_ = 0;  // unpacked
    std::unique_ptr<State> state_;
};

/// One line of a file.
struct FileLine {
    std::string_view text;  ///< without its newline; until the next line is read
    std::size_t number = 0;
    std::size_t begin = 0;     ///< its first byte in the unpacked content
    bool is_whole = true;      ///< false: the file ends without a newline behind it
    bool is_too_long = false;  ///< then the text is only its beginning
};

/// The lines of a file of any size, one at a time; no more of it is held than the longest line that is wanted.
class LineReader {
public:
    LineReader(std::filesystem::path path, std::size_t longest);

    /// std::nullopt at the end of the file.
    std::optional<FileLine> next();
    const std::filesystem::path& path() const { return file_.path(); }

private:
    void take(std::string_view bytes);

    UnpackedFile file_;
    std::size_t longest_;
    std::string_view rest_;  // of the block that was read last
    std::string line_;
    bool is_too_long_ = false;
    std::size_t number_ = 0;
    std::size_t taken_ = 0;  // bytes, with those of the line breaks
};

}  // namespace urial

#pragma once

// "-" in the place of a file: standard input and standard output for commands that work on files. What is read lies in
// a temporary file while the command runs, because its readers look at it more than once; what is written does so
// because the records of a run are its state.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace urial::terminal {

inline constexpr std::string_view kStandardStream = "-";

/// A private folder that goes with its object.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// A file to be read, as typed.
class InputFile {
public:
    /// Reads standard input to its end where `name` is "-". Throws Error{Io|BadInput}.
    explicit InputFile(const std::string& name);
    const std::filesystem::path& path() const { return path_; }

private:
    std::unique_ptr<TemporaryFolder> folder_;
    std::filesystem::path path_;
};

/// A file to be written, as typed.
class OutputFile {
public:
    explicit OutputFile(const std::string& name);
    bool is_standard_output() const { return folder_ != nullptr; }
    /// Where to write. With standard output it goes with the object.
    const std::filesystem::path& path() const { return path_; }

private:
    std::unique_ptr<TemporaryFolder> folder_;
    std::filesystem::path path_;
};

/// Exactly these bytes, at once. Throws Error{Io}.
void write_standard_output(std::string_view bytes);

}  // namespace urial::terminal

#pragma once

// How the sources of base/ that write files call the system: interrupted calls are made again, failures become Errors.

#include <cerrno>
#include <filesystem>
#include <string_view>

namespace urial {

/// errno as an Error{NotFound|Io} "PATH: cannot ACTION: ...".
[[noreturn]] void throw_system_error(const std::filesystem::path& path, std::string_view action);

/// The result of `call`, which is made again as long as a signal interrupts it.
template <typename Call>
auto uninterrupted(Call call) {
    for (;;) {
        const auto result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}

/// Opens through the replaceable file system; `action` is for the error.
int open_file(const std::filesystem::path& path, int flags, unsigned mode, std::string_view action);

/// All bytes, in as many calls as it takes.
void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path);

/// The folder's names reach the disk. File systems that cannot sync a folder are passed over.
void sync_folder_of(const std::filesystem::path& file);

/// The lock of the whole file, without waiting. False where another has it; where the file system knows no locks the
/// error says so.
bool try_lock(int descriptor, const std::filesystem::path& path);

/// Does `path` still lead to the file that is open?
bool is_open_at(int descriptor, const std::filesystem::path& path);

}  // namespace urial

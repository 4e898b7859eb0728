#pragma once

// SHA-256 over bytes and files (OpenSSL's implementation behind a small value type). Not thread-safe per object.

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace urial {

class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void update(std::string_view bytes);
    /// 64 lower-case hexadecimal digits. The object starts anew afterwards.
    std::string finish_hex();

private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);

/// Reads the file in blocks; throws Error{NotFound|Io}.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace urial

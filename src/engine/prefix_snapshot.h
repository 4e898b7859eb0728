#pragma once

// Snapshots of a decoded prefix on disk: `<key>.state` with the engine's bytes and `<key>.json`, the manifest that says
// what made them. The key is a hash of everything that decides the bytes, so a snapshot of other circumstances is never
// found. Reading and writing never throw: a snapshot is a shortcut, its absence costs only time.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace urial::engine {

/// sha256 of the file's size and of 64 blocks of 4 KiB, spread evenly from its first byte to its last: what another
/// model of the same kind and size will not share, read in a moment. Throws Error{Io}.
std::string sample_hash(const std::filesystem::path& model_file);

class SnapshotStore {
public:
    /// `limit_bytes`: the least recently used snapshots go when the folder holds more.
    SnapshotStore(std::filesystem::path folder, std::uint64_t limit_bytes)
        : folder_(std::move(folder)), limit_bytes_(limit_bytes) {}

    /// The bytes kept under exactly these circumstances, whole and unchanged, or nothing.
    std::optional<std::vector<std::uint8_t>> read(const nlohmann::ordered_json& circumstances) const;
    /// Keeps the bytes (files 0600 in a folder 0700). False when that was not possible.
    bool write(const nlohmann::ordered_json& circumstances, const std::vector<std::uint8_t>& state) const;

private:
    void prune() const;

    std::filesystem::path folder_;
    std::uint64_t limit_bytes_;
};

}  // namespace urial::engine

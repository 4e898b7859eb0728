#include "engine/prefix_snapshot.h"

#include <algorithm>
#include <chrono>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json_reader.h"

namespace urial::engine {
namespace {

std::string_view as_text(const std::vector<std::uint8_t>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr std::uint64_t kSampleBlocks = 64;
constexpr std::uint64_t kSampleBytes = 4096;

}  // namespace

std::string sample_hash(const fs::path& model_file) {
    std::ifstream file(model_file, std::ios::binary);
    const std::uint64_t size = fs::file_size(model_file);
    const std::uint64_t last = size - std::min(size, kSampleBytes);
    Sha256 hash;
    hash.update(std::to_string(size));
    std::string block;
    for (std::uint64_t i = 0; i < kSampleBlocks; ++i) {
        const std::uint64_t begin =
            last / (kSampleBlocks - 1) * i + last % (kSampleBlocks - 1) * i / (kSampleBlocks - 1);
        block.resize(std::min(kSampleBytes, size));
        file.seekg(static_cast<std::streamoff>(begin));
        if (!file.read(block.data(), static_cast<std::streamsize>(block.size()))) {
            throw error(ErrorKind::Io, "{}: cannot be read at byte {}", model_file.string(), begin);
        }
        hash.update(block);
    }
    return hash.finish_hex();
}

std::optional<std::vector<std::uint8_t>> SnapshotStore::read(const nlohmann::ordered_json& circumstances) const {
    const fs::path stem = folder_ / sha256_hex(circumstances.dump());
    try {
        const auto manifest = read_json_file(stem.string() + ".json");
        if (manifest.at("circumstances") != circumstances) return std::nullopt;
        const fs::path state_path = stem.string() + ".state";
        std::string state = read_file(state_path);
        if (manifest.at("state_sha256") != sha256_hex(state)) return std::nullopt;
        std::error_code ignored;
        fs::last_write_time(state_path, fs::file_time_type::clock::now(), ignored);
        return std::vector<std::uint8_t>(state.begin(), state.end());
    } catch (const std::exception&) {
        return std::nullopt;  // absent, torn or written by another version: it will be computed
    }
}

bool SnapshotStore::write(const nlohmann::ordered_json& circumstances, const std::vector<std::uint8_t>& state) const {
    if (state.size() > limit_bytes_) return false;
    const std::string stem = (folder_ / sha256_hex(circumstances.dump())).string();
    try {
        make_directories(folder_, 0700);
        nlohmann::ordered_json manifest;
        manifest["circumstances"] = circumstances;
        manifest["state_bytes"] = state.size();
        manifest["state_sha256"] = sha256_hex(as_text(state));
        write_file_atomic(stem + ".state", as_text(state), 0600);
        write_file_atomic(stem + ".json", manifest.dump(2) + "\n", 0600);
        prune();
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

void SnapshotStore::prune() const {
    struct Kept {
        fs::file_time_type used;
        std::uint64_t bytes;
        fs::path state;
    };
    std::vector<Kept> kept;
    std::uint64_t total = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
        if (entry.path().extension() != ".state") continue;
        kept.push_back({entry.last_write_time(), entry.file_size(), entry.path()});
        total += kept.back().bytes;
    }
    std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
    for (const Kept& oldest : kept) {
        if (total <= limit_bytes_) return;
        std::error_code ignored;
        fs::remove(oldest.state, ignored);
        fs::remove(fs::path(oldest.state).replace_extension(".json"), ignored);
        total -= oldest.bytes;
    }
}

}  // namespace urial::engine

#include "models/cache.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "models/hub_cache.h"

namespace urial::models {
namespace {

/// A file system's clock may stand still for so long: a file that was changed more recently can be changed again
/// without a trace in its times.
constexpr std::chrono::nanoseconds kClockTick = std::chrono::milliseconds(50);
constexpr int kMostReadings = 3;

std::chrono::nanoseconds nanoseconds(const timespec& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct FileState {
    /// What must be unchanged for a remembered hash to hold. The change time cannot be set back, and another file has
    /// another inode. The device is left out: on some file systems its number differs after every start.
    nlohmann::json identity;
    bool settled = false;  ///< a later change will show
};

/// nullopt: no such file.
std::optional<FileState> state_of(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    FileState state;
    state.identity = {{"path", replace_invalid_utf8(path.string())},
                      {"bytes", status.st_size},
                      {"inode", status.st_ino},
                      {"modified_ns", nanoseconds(status.st_mtim).count()},
                      {"changed_ns", nanoseconds(status.st_ctim).count()}};
    state.settled = nanoseconds(status.st_ctim) + kClockTick < nanoseconds(now);
    return state;
}

/// One small file per model file, so that processes at the same time do not disturb each other.
fs::path record_path(const fs::path& path) {
    return user_cache_dir() / "hashes" / (sha256_hex(path.string()) + ".json");
}

/// The file behind links, so that a link and its blob share one record.
fs::path real_path(const fs::path& path) {
    std::error_code failure;
    const fs::path real = fs::canonical(path, failure);
    return failure ? path : real;
}

void store(const fs::path& path, nlohmann::json record, std::string_view sha256) {
    record["sha256"] = sha256;
    try {
        write_file_atomic(record_path(path), record.dump() + "\n");
    } catch (const Error&) {
        // Without the record the next call reads the file again.
    }
}

std::optional<std::string> recall(const fs::path& path, const nlohmann::json& expected) {
    nlohmann::json record;
    try {
        record = try_parse_json(read_file(record_path(path))).value_or(nullptr);
    } catch (const Error&) {
        return std::nullopt;  // no such record, or nowhere to keep one: HOME may be unset
    }
    if (!record.is_object() || !record.contains("sha256") || !record["sha256"].is_string()) return std::nullopt;
    const auto sha256 = record["sha256"].get<std::string>();
    record.erase("sha256");
    if (record != expected || sha256.size() != 64) return std::nullopt;
    return sha256;
}

InstalledModel describe(std::string spec, const fs::path& path) {
    InstalledModel model{.spec = std::move(spec), .path = path, .summary = std::nullopt, .problem = {}};
    try {
        model.summary = check_gguf(path);
    } catch (const Error& failure) {
        model.problem = failure.what();
    }
    return model;
}

}  // namespace

fs::path content_hash_record(const fs::path& path) { return record_path(real_path(path)); }

fs::path alias_path(const Alias& alias) { return user_cache_dir() / "models" / alias.file_name; }

std::string content_hash(const fs::path& path) { return content_hash(path, sha256_file); }

std::string content_hash(const fs::path& path, const std::function<std::string(const fs::path&)>& read) {
    const fs::path real = real_path(path);
    for (int reading = 0; reading < kMostReadings; ++reading) {
        const auto before = state_of(real);
        if (!before) return read(real);  // says what is wrong with it
        if (const auto known = recall(real, before->identity)) return *known;
        const std::string sha256 = read(real);
        const auto after = state_of(real);
        if (!after || after->identity != before->identity) continue;
        if (before->settled) store(real, before->identity, sha256);
        return sha256;
    }
    throw error(ErrorKind::Unavailable, "{}: the file changes while it is read; try again when it is complete",
                path.string());
}

void remember_content_hash(const fs::path& path, std::string_view sha256) {
    const fs::path real = real_path(path);
    if (const auto state = state_of(real)) store(real, state->identity, sha256);
}

std::vector<InstalledModel> installed_models() {
    std::vector<InstalledModel> models;
    std::error_code ignored;
    for (const Alias& alias : aliases()) {
        if (fs::is_regular_file(alias_path(alias), ignored)) models.push_back(describe(alias.name, alias_path(alias)));
    }
    const HubSettings settings = hub_settings();
    for (const std::string& repository : cached_repositories(settings)) {
        const HubRepository folder(settings, repository);
        const std::vector<std::string> files = folder.gguf_files();
        for (const std::string& file : files) {
            models.push_back(describe(hub_spec(repository, files, file), *folder.snapshot() / file));
        }
    }
    return models;
}

}  // namespace urial::models

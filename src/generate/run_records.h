#pragma once

// The records file of a run beside the manifest that says what made it. Nothing in the file changes before both are
// proved to be a run of ours: a records file with content belongs to one if its manifest is ours and its lines are
// records. One owner, one thread; the file is locked while the object lives.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/files.h"

namespace urial::generate {

struct RunFiles {
    std::filesystem::path records;
    std::filesystem::path manifest;
    std::string format;       ///< of the manifest: "urial.generate/1"
    std::string place;        ///< what a user names to go elsewhere: "file", "folder"
    std::string differently;  ///< of an error: "was made by other settings"
};

enum class Existing { Continue, Replace };

/// What was done to a file of records before it could be continued.
struct Repairs {
    std::size_t torn_bytes = 0;          ///< of a last record that a killed run left
    std::size_t damaged = 0;             ///< records that a power cut destroyed
    std::filesystem::path damaged_file;  ///< where they are now
    std::size_t dropped = 0;             ///< records that were not to stay
};
/// Cuts off a torn last line, moves the `damaged` ones, of the numbers that for_each_written_line() gave, into a file
/// beside, and takes the `dropped` ones out. The file is proved to be ours.
Repairs repair(JsonLinesWriter& file, const std::vector<std::size_t>& damaged,
               const std::set<std::size_t>& dropped = {});
/// Sentences about them for people; `again` is what becomes of the items: "answered again".
std::vector<std::string> notices(const Repairs& repairs, const std::filesystem::path& file, std::string_view again);

class RunRecords {
public:
    /// Opens and locks the records. Throws Error{BadInput} where something else is there, Error{Unavailable} where
    /// another run writes it.
    RunRecords(RunFiles files, Existing existing);

    /// Of the run that wrote what is there; null where there is none.
    const nlohmann::ordered_json& manifest() const { return manifest_; }

    /// Are there records to be continued?
    bool has_records() const { return existing_ == Existing::Continue && writer_.size() > 0; }

    /// Calls `stays(record)` for each record; false takes it out of the file. Throws Error{BadInput} naming the
    /// difference where another identity made them.
    Repairs resume(const nlohmann::ordered_json& identity,
                   const std::function<bool(const nlohmann::ordered_json&)>& stays);

    /// Before the first append, and before the manifest of this run is written: empties what is to be replaced.
    void begin();
    bool has_begun() const { return has_begun_; }
    /// Those that computed the last answers: a run that finds all of them there computes none. `now`: those of this
    /// run.
    int threads(int now) const;
    void append(const nlohmann::ordered_json& record);
    /// Appended records reach the disk a second later at the latest, if this is called all the while.
    void sync_now_and_then();
    void sync();

private:
    using Clock = std::chrono::steady_clock;
    void read_manifest();
    std::vector<std::size_t> read(const std::function<void(std::size_t, const nlohmann::ordered_json&)>& record) const;
    [[noreturn]] void refuse(const std::string& what) const;

    RunFiles files_;
    Existing existing_;
    JsonLinesWriter writer_;
    nlohmann::ordered_json manifest_;  // null where there is none
    bool has_begun_ = false;
    bool has_unsynced_ = false;
    Clock::time_point last_sync_ = Clock::now();
};

}  // namespace urial::generate

#include "generate/run_records.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json_reader.h"
#include "generate/run_identity.h"

namespace urial::generate {

using nlohmann::ordered_json;

Repairs repair(JsonLinesWriter& file, const std::vector<std::size_t>& damaged, const std::set<std::size_t>& dropped) {
    Repairs repairs;
    repairs.torn_bytes = file.repair();
    repairs.damaged = damaged.size();
    repairs.dropped = dropped.size();
    std::set<std::size_t> leaving(damaged.begin(), damaged.end());
    if (!damaged.empty()) {
        repairs.damaged_file =
            set_aside(file.path(), select_lines(file.path(), [&](std::size_t line) { return leaving.contains(line); }));
    }
    leaving.insert(dropped.begin(), dropped.end());
    if (!leaving.empty()) {
        file.replace(select_lines(file.path(), [&](std::size_t line) { return !leaving.contains(line); }));
    }
    return repairs;
}

std::vector<std::string> notices(const Repairs& repairs, const fs::path& file, std::string_view again) {
    std::vector<std::string> texts;
    if (repairs.torn_bytes > 0) {
        texts.push_back(fmt::format("{}: a torn last record of {} bytes was removed; its item is {}", file.string(),
                                    repairs.torn_bytes, again));
    }
    if (repairs.damaged > 0) {
        texts.push_back(fmt::format("{}: {} damaged records were moved to {}; their items are {}", file.string(),
                                    repairs.damaged, repairs.damaged_file.string(), again));
    }
    if (repairs.dropped > 0)
        texts.push_back(fmt::format("{} items that failed before are tried again", repairs.dropped));
    return texts;
}

RunRecords::RunRecords(RunFiles files, Existing existing)
    : files_(std::move(files)), existing_(existing), writer_(files_.records) {
    read_manifest();
    if (writer_.size() == 0) return;
    if (manifest_.is_null()) {
        refuse(fmt::format("{} has content but no manifest {}: nothing proves that it is the output of such a run",
                           files_.records.string(), files_.manifest.string()));
    }
    if (existing_ == Existing::Replace) read([](std::size_t, const ordered_json&) {});
}

void RunRecords::refuse(const std::string& what) const {
    throw error(ErrorKind::BadInput, "{}; name another {}, or remove it yourself", what, files_.place);
}

void RunRecords::read_manifest() {
    if (!fs::exists(files_.manifest)) return;
    const auto foreign = [&](std::string_view what) {
        throw error(ErrorKind::BadInput, "{}: {}, it is left as it is; name another {}", files_.manifest.string(), what,
                    files_.place);
    };
    manifest_ = try_parse_json(read_file(files_.manifest), kRecordLimits).value_or(nullptr);
    if (!manifest_.is_object() || !manifest_.contains("identity") || !manifest_.contains("format") ||
        manifest_["format"] != files_.format) {
        foreign("not the manifest of such a run");
    }
    if (!manifest_.contains("records_file") || !manifest_["records_file"].is_string()) return;
    const auto described = manifest_["records_file"].get<std::string>();
    const fs::path other = files_.manifest.parent_path() / described;
    if (described != files_.records.filename() && fs::exists(other) && !is_same_file(other, files_.records)) {
        foreign(fmt::format("the manifest of {}", described));
    }
}

/// The numbers of the lines that are damaged.
std::vector<std::size_t> RunRecords::read(const std::function<void(std::size_t, const ordered_json&)>& record) const {
    std::size_t records = 0;
    std::vector<std::size_t> damaged =
        for_each_written_line(files_.records, [&](std::size_t line, ordered_json&& value) {
            if (!value.is_object() || !value.contains("key") || !value["key"].is_string()) {
                refuse(fmt::format("{}:{}: not a record of urial (it has no \"key\")", files_.records.string(), line));
            }
            ++records;
            record(line, value);
        });
    if (records > 0) return damaged;
    // Without a single record it must at least look like what a killed run or a power cut leaves.
    const std::set<std::size_t> numbers(damaged.begin(), damaged.end());
    const std::string lines = select_lines(files_.records, [&](std::size_t line) { return numbers.contains(line); });
    std::string beginning;
    for_each_block(files_.records, [&](std::string_view block) {
        if (beginning.empty()) beginning = block.substr(0, 1);
    });
    const bool is_torn = beginning == "{" || beginning == std::string(1, '\0');
    if (!is_torn || (!damaged.empty() && lines.find('\0') == std::string::npos)) {
        refuse(fmt::format("{}: no line of it is a record of urial", files_.records.string()));
    }
    return damaged;
}

Repairs RunRecords::resume(const ordered_json& identity, const std::function<bool(const ordered_json&)>& stays) {
    const std::string difference = difference_of_runs(manifest_["identity"], identity);
    if (!difference.empty()) {
        throw error(ErrorKind::BadInput, "{} {}: {}; name another {}, or --overwrite to start anew",
                    files_.records.string(), files_.differently, difference, files_.place);
    }
    std::set<std::size_t> leaving;
    const std::vector<std::size_t> damaged = read([&](std::size_t line, const ordered_json& record) {
        if (!stays(record)) leaving.insert(line);
    });
    return repair(writer_, damaged, leaving);
}

void RunRecords::begin() {
    if (existing_ == Existing::Replace) writer_.begin_anew();
    existing_ = Existing::Continue;
    has_begun_ = true;
}

int RunRecords::threads(int now) const {
    return has_begun_ || manifest_.is_null() ? now : manifest_.value("threads", now);
}

void RunRecords::append(const ordered_json& record) {
    writer_.append(record);
    has_unsynced_ = true;
    sync_now_and_then();
}

void RunRecords::sync_now_and_then() {
    constexpr std::chrono::seconds kMostDelay{1};
    if (Clock::now() - last_sync_ >= kMostDelay) sync();
}

void RunRecords::sync() {
    if (std::exchange(has_unsynced_, false)) writer_.sync();
    last_sync_ = Clock::now();
}

}  // namespace urial::generate

#include "app/merge.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/merge_manifest.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "base/unpacked_file.h"
#include "eval/eval.h"
#include "generate/batch_run.h"
#include "generate/item_file.h"
#include "generate/record.h"
#include "shift/shift.h"

namespace urial::app {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> kFormats{"urial.generate/1", "urial.shift/1", eval::kRunFormat};

/// Where the files of a run lie.
struct RunPlace {
    fs::path records;
    fs::path manifest;
};

RunPlace place_of(const fs::path& run, bool is_folder) {
    if (is_folder) return {shift::records_file(run), shift::manifest_file(run)};
    return {run, generate::manifest_path(run)};
}

MergedPart open_part(const fs::path& run) {
    const RunPlace place = place_of(run, fs::is_directory(run));
    if (!fs::exists(place.manifest) || !fs::exists(place.records)) {
        throw error(ErrorKind::NotFound, "{}: no run is there (a run has records and a manifest, {})",
                    printable(run.string()), printable(place.manifest.string()));
    }
    ordered_json manifest = read_json_file(place.manifest);
    const ordered_json format = manifest.is_object() ? manifest.value("format", ordered_json()) : ordered_json();
    if (std::ranges::find(kFormats, format) == kFormats.end()) {
        throw error(ErrorKind::BadInput, "{}: not the manifest of a run that can be merged (generate, shift, judge)",
                    printable(place.manifest.string()));
    }
    return {run.string(), std::move(manifest), 0};
}

RunKind kind_of(const MergedPart& part) {
    return static_cast<RunKind>(std::ranges::find(kFormats, part.manifest.at("format")) - kFormats.begin());
}

/// A record of one of the runs.
struct Found {
    std::size_t part = 0;
    std::streamoff offset = 0;
    std::size_t bytes = 0;
    std::size_t position = 0;  ///< of its item; the number of items where that is not known
    std::size_t sample = 0;
    bool is_failure = false;
    bool is_unscored = false;
};

/// What there can be one record of: another one under another key stands for something else.
std::string slot_of(RunKind kind, const ordered_json& record) {
    ordered_json slot{record.at("id")};
    if (kind == RunKind::Generate) slot.push_back(record.value("sample", 0));
    if (kind == RunKind::Judge) {
        for (const char* field : {"judge", "rubric", "turn"}) slot.push_back(record.value(field, ordered_json()));
        for (const char* side : {"answer", "other"}) {
            slot.push_back(record.value(side, ordered_json::object()).value("generator", ordered_json()));
        }
    }
    return slot.dump();
}

bool is_failed(RunKind kind, const ordered_json& record) {
    return kind == RunKind::Judge ? eval::is_request_failure(eval::record_from_json(record))
                                  : generate::is_failure(record);
}

class Merge {
public:
    explicit Merge(const MergeOptions& options) : options_(options) {
        if (options.runs.size() < 2) throw Error(ErrorKind::BadInput, "give two runs or more");
        for (const fs::path& run : options.runs) {
            for (const MergedPart& before : parts_) {
                if (!is_same_file(before.name, run)) continue;
                throw error(ErrorKind::BadInput, "{} is named twice", printable(run.string()));
            }
            parts_.push_back(open_part(run));
        }
        kind_ = kind_of(parts_.front());
        for (const MergedPart& part : parts_) check(part);
        check_output();
    }

    MergeSummary run() {
        read_order();
        for (std::size_t i = 0; i < parts_.size(); ++i) read_records(i);
        std::stable_sort(found_.begin(), found_.end(), [](const Found& one, const Found& other) {
            return std::tie(one.position, one.sample) < std::tie(other.position, other.sample);
        });
        MergedCounts counts{.total = total_of(kind_, parts_, found_.size(), summary_.repeated)};
        for (const Found& found : found_) {
            ++(found.is_failure ? counts.failed : counts.records);
            counts.unscored += found.is_unscored ? 1 : 0;
            ++parts_[found.part].records;
        }
        write(counts);
        summary_.records = counts.records;
        summary_.failed = counts.failed;
        summary_.total = counts.total;
        return summary_;
    }

private:
    void notice(const std::string& text) const {
        if (options_.notice) options_.notice(text);
    }

    /// Fields of another type than ours have are those of a damaged manifest.
    void check(const MergedPart& part) const {
        try {
            check_belongs(kind_, parts_.front(), part);
        } catch (const ordered_json::exception& problem) {
            throw error(ErrorKind::BadInput, "{}: its manifest is damaged: {}", printable(part.name),
                        printable(problem.what()));
        }
    }

    bool is_folder() const { return kind_ != RunKind::Generate; }

    void check_output() const {
        const RunPlace place = place_of(options_.output, is_folder());
        for (const fs::path& path : {place.records, place.manifest}) {
            if (!fs::exists(path)) continue;
            throw error(ErrorKind::BadInput, "{} is there; name another output", printable(path.string()));
        }
    }

    /// The file that all runs took their items from, where it is still there.
    std::optional<fs::path> common_input() const {
        std::optional<std::pair<std::string, std::string>> common;
        for (const MergedPart& part : parts_) {
            ordered_json origin = part.manifest.value("origin", ordered_json::object());
            const char* name = "input";
            const char* hash = "input_sha256";
            if (kind_ == RunKind::Judge) {
                origin = origin.value("files", ordered_json::array());
                if (origin.empty()) return std::nullopt;
                origin = ordered_json(origin.front());
                name = "name";
                hash = "sha256";
            }
            const std::pair input{origin.value(name, ""), origin.value(hash, "")};
            if (common && common->second != input.second) return std::nullopt;
            common = input;
        }
        fs::path path = common->first;
        if (fs::is_directory(path)) path = shift::records_file(path);
        if (!fs::is_regular_file(path) || sha256_file(path) != common->second) return std::nullopt;
        return path;
    }

    void read_order() {
        const std::optional<fs::path> input = options_.input.empty() ? common_input() : std::optional(options_.input);
        summary_.is_in_order = input.has_value();
        if (!input) return notice("the file of the items is not there: records stand in the order of the runs");
        generate::for_each_item(*input, [&](generate::FileItem&& item) {
            positions_.emplace(generate::item_id(item.fields, item.position, {"id", "question_id"}), item.position);
        });
    }

    void read_records(std::size_t part) {
        const fs::path path = place_of(parts_[part].name, is_folder()).records;
        LineReader reader(path, kRecordLimits.bytes);
        std::streamoff offset = 0;
        while (const auto line = reader.next()) {
            const std::streamoff begin = offset;
            offset += static_cast<std::streamoff>(line->text.size()) + 1;
            if (!line->is_whole) {
                notice(fmt::format("{}: a torn last record was left out", printable(path.string())));
                break;
            }
            if (trim(line->text).empty()) continue;
            const auto json = is_valid_utf8(line->text) ? try_parse_json(line->text, kRecordLimits) : std::nullopt;
            try {
                if (json && json->contains("key")) {
                    take(*json, {.part = part, .offset = begin, .bytes = line->text.size()});
                    continue;
                }
            } catch (const ordered_json::exception& problem) {
                throw error(ErrorKind::BadInput, "{}:{}: {}", printable(path.string()), line->number, problem.what());
            }
            throw error(ErrorKind::BadInput,
                        "{}:{}: not a record, or a damaged one; the command of this run, once more, repairs it",
                        printable(path.string()), line->number);
        }
    }

    void take(const ordered_json& record, Found found) {
        const auto key = record.at("key").get<std::string>();
        found.is_failure = is_failed(kind_, record);
        if (kind_ == RunKind::Judge) {
            found.is_unscored = eval::is_unscored(eval::record_from_json(record).verdicts);
        }
        const auto position = positions_.find(generate::item_id(record, 0));
        found.position = position == positions_.end() ? positions_.size() : position->second;
        if (kind_ == RunKind::Generate) found.sample = record.value("sample", std::size_t{0});
        if (!found.is_failure) check_slot(record, key, found.part);
        const auto [known, is_new] = by_key_.emplace(key, found_.size());
        if (is_new) {
            found_.push_back(found);
            return;
        }
        Found& before = found_[known->second];
        if (before.is_failure) {
            before = found;
        } else if (!found.is_failure) {
            ++summary_.repeated;
        }
    }

    void check_slot(const ordered_json& record, const std::string& key, std::size_t part) {
        const auto [known, is_new] = slots_.emplace(slot_of(kind_, record), std::pair{key, part});
        if (is_new || known->second.first == key) return;
        throw error(ErrorKind::BadInput,
                    "the id {} stands for different things in {} and {}: give items ids of their own",
                    printable(record.at("id").dump()), printable(parts_[known->second.second].name),
                    printable(parts_[part].name));
    }

    void write(const MergedCounts& counts) {
        const RunPlace place = place_of(options_.output, is_folder());
        const unsigned mode = kind_ == RunKind::Judge ? eval::kPrivate : 0644;
        std::vector<std::string> differing;
        ordered_json manifest = merged_manifest(kind_, parts_, counts, differing);
        if (!is_folder()) manifest["records_file"] = place.records.filename().string();
        if (!differing.empty()) {
            notice(fmt::format("the runs differ in {}, which the manifest therefore does not say",
                               fmt::join(differing, ", ")));
        }
        ordered_json begun = manifest;
        begun["finished"] = nullptr;
        write_file_atomic(place.manifest, begun.dump(2) + "\n", mode);
        AtomicFile records(place.records, mode);
        copy_records(records);
        records.commit();
        if (kind_ == RunKind::Judge) copy_requests();
        write_file_atomic(place.manifest, manifest.dump(2) + "\n", mode);
    }

    void copy_records(AtomicFile& to) {
        std::vector<std::ifstream> files;
        for (const MergedPart& part : parts_) files.emplace_back(place_of(part.name, is_folder()).records);
        std::string line;
        for (const Found& found : found_) {
            line.resize(found.bytes);
            std::ifstream& file = files[found.part];
            file.seekg(found.offset);
            if (!file.read(line.data(), static_cast<std::streamsize>(found.bytes))) {
                throw error(ErrorKind::Io, "{}: a record is no longer there", printable(parts_[found.part].name));
            }
            to.write(line + "\n");
        }
    }

    /// What was sent and paid for. Attempts are numbered through where several runs asked for the same judgement.
    void copy_requests() {
        for (const std::string_view name : {eval::kRawFile, eval::kLedgerFile}) {
            AtomicFile to(options_.output / name, eval::kPrivate);
            std::map<std::string, int> before;  // by key, of the runs that came earlier
            for (const MergedPart& part : parts_) copy_attempts(fs::path(part.name) / name, before, to);
            to.commit();
        }
    }

    static void copy_attempts(const fs::path& from, std::map<std::string, int>& before, AtomicFile& to) {
        if (!fs::exists(from)) return;
        std::map<std::string, int> most;
        const auto damaged = for_each_written_line(from, [&](std::size_t, ordered_json&& line) {
            const std::string key = line.value("key", "");
            const auto earlier = before.find(key);
            const int number = line.value("attempt", 0) + (earlier == before.end() ? 0 : earlier->second);
            line["attempt"] = number;
            most[key] = std::max(most[key], number);
            to.write(line.dump() + "\n");
        });
        if (!damaged.empty()) {
            throw error(ErrorKind::BadInput, "{}:{}: a damaged line; the command of this run, once more, repairs it",
                        printable(from.string()), damaged.front());
        }
        for (const auto& [key, number] : most) before[key] = std::max(before[key], number);
    }

    const MergeOptions& options_;
    std::vector<MergedPart> parts_;
    RunKind kind_ = RunKind::Generate;
    std::map<std::string, std::size_t> positions_;  // of the items, by id
    std::vector<Found> found_;
    std::map<std::string, std::size_t> by_key_;                         // into found_
    std::map<std::string, std::pair<std::string, std::size_t>> slots_;  // key and part
    MergeSummary summary_;
};

}  // namespace

MergeSummary merge_runs(const MergeOptions& options) { return Merge(options).run(); }

}  // namespace urial::app

#include "eval/record.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json_stream.h"
#include "base/text.h"
#include "generate/record.h"

namespace urial::eval {
namespace {

constexpr std::array kUnscoredReasonNames{
    std::pair{UnscoredReason::Empty, std::string_view("empty")},
    std::pair{UnscoredReason::NotText, std::string_view("not text")},
    std::pair{UnscoredReason::Refusal, std::string_view("refusal")},
    std::pair{UnscoredReason::NoObject, std::string_view("no object")},
    std::pair{UnscoredReason::SeveralObjects, std::string_view("several objects")},
    std::pair{UnscoredReason::NotAnObject, std::string_view("not an object")},
    std::pair{UnscoredReason::Truncated, std::string_view("truncated")},
    std::pair{UnscoredReason::InvalidJson, std::string_view("invalid JSON")},
    std::pair{UnscoredReason::WrongKeys, std::string_view("wrong keys")},
    std::pair{UnscoredReason::WrongType, std::string_view("wrong type")},
    std::pair{UnscoredReason::NotANumber, std::string_view("not a number")},
    std::pair{UnscoredReason::OutOfRange, std::string_view("out of range")},
    std::pair{UnscoredReason::NotApplicable, std::string_view("not applicable")},
    std::pair{UnscoredReason::UnknownLabel, std::string_view("unknown label")},
    std::pair{UnscoredReason::RequestFailed, std::string_view("request failed")},
};

constexpr std::array kChoiceNames{std::pair{Choice::A, std::string_view("A")},
                                  std::pair{Choice::B, std::string_view("B")},
                                  std::pair{Choice::Tie, std::string_view("tie")}};

template <typename Names, typename Value>
std::string_view name_in(const Names& names, Value value) {
    for (const auto& [candidate, text] : names) {
        if (candidate == value) return text;
    }
    return {};
}

template <typename Names>
auto value_in(const Names& names, std::string_view text, std::string_view what) {
    for (const auto& [value, name] : names) {
        if (name == text) return value;
    }
    throw error(ErrorKind::BadInput, "{} \"{}\" is not known; was the run written by a newer version?", what, text);
}

struct VerdictToJson {
    Json operator()(const Score& score) const { return {{"score", score.value}, {"reason", score.reason}}; }
    Json operator()(const Preference& preference) const {
        return {{"preference", name_in(kChoiceNames, preference.choice)}, {"reason", preference.reason}};
    }
    Json operator()(const Labels& labels) const { return {{"labels", labels.values}}; }
    Json operator()(const NotApplicable& verdict) const {
        return {{"not_applicable", true}, {"reason", verdict.reason}};
    }
    Json operator()(const Unscored& verdict) const {
        return {{"unscored", name(verdict.reason)}, {"raw", verdict.raw}};
    }
};

Verdict verdict_from_json(const Json& json) {
    if (json.contains("score")) return Score{json.at("score").get<double>(), json.value("reason", "")};
    if (json.contains("preference")) {
        return Preference{value_in(kChoiceNames, json.at("preference").get<std::string>(), "the preference"),
                          json.value("reason", "")};
    }
    if (json.contains("labels")) return Labels{json.at("labels").get<std::vector<std::string>>()};
    if (json.contains("not_applicable")) return NotApplicable{json.value("reason", "")};
    return Unscored{parse_unscored_reason(json.at("unscored").get<std::string>()), json.value("raw", "")};
}

Json answer_to_json(const Answer& answer) {
    Json json{{"output", answer.output}, {"generator", answer.generator}};
    if (!answer.follow_ups.empty()) json["follow_ups"] = answer.follow_ups;
    return json;
}

Answer answer_from_json(const Json& json) {
    return {json.at("output").get<std::string>(), json.value("follow_ups", std::vector<std::string>{}),
            json.value("generator", "")};
}

/// Length in bytes of the white space character at the start of `text`, 0 when there is none.
std::size_t white_space_length(std::string_view text) {
    const auto c = static_cast<unsigned char>(text[0]);
    if (c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F)) return 1;
    if (c < 0xC2) return 0;
    if (text.starts_with("\xC2\x85") || text.starts_with("\xC2\xA0")) return 2;
    if (text.size() < 3 || (c != 0xE1 && c != 0xE2 && c != 0xE3)) return 0;
    const std::string_view wide = text.substr(0, 3);
    const auto last = static_cast<unsigned char>(wide[2]);
    const bool general = wide.starts_with("\xE2\x80") && (last <= 0x8A || last == 0xA8 || last == 0xA9 || last == 0xAF);
    return general || wide == "\xE1\x9A\x80" || wide == "\xE2\x81\x9F" || wide == "\xE3\x80\x80" ? 3 : 0;
}

}  // namespace

std::string_view name(UnscoredReason reason) { return name_in(kUnscoredReasonNames, reason); }
UnscoredReason parse_unscored_reason(std::string_view text) {
    return value_in(kUnscoredReasonNames, text, "the reason");
}

const Verdict* EvalRecord::find(std::string_view aspect) const {
    for (const AspectVerdict& entry : verdicts) {
        if (entry.aspect == aspect) return &entry.verdict;
    }
    return nullptr;
}

Json to_json(const EvalRecord& record) {
    const Item& item = record.item;
    Json json{{"id", item.id}, {"instruction", item.instruction}};
    const auto put = [&](const char* key, const auto& value) {
        if (!value.empty()) json[key] = value;
    };
    put("follow_ups", item.follow_ups);
    put("references", item.references);
    put("source_id", item.source_id);
    put("dataset", item.dataset);
    put("category", item.category);
    put("task", item.task);
    put("topic", item.topic);
    put("difficulty", item.difficulty);
    json["answer"] = answer_to_json(record.answer);
    if (record.other) json["other"] = answer_to_json(*record.other);
    json["rubric"] = record.rubric;
    json["rubric_version"] = record.rubric_version;
    json["judge"] = record.judge;
    json["turn"] = record.turn;
    Json verdicts = Json::object();
    for (const AspectVerdict& entry : record.verdicts)
        verdicts[entry.aspect] = std::visit(VerdictToJson{}, entry.verdict);
    json["verdicts"] = std::move(verdicts);
    json["reply"] = record.reply;
    json["attempts"] = record.attempts;
    put("steering", record.steering);
    return json;
}

EvalRecord record_from_json(const Json& json) {
    try {
        using Strings = std::vector<std::string>;
        EvalRecord record;
        record.item = {json.at("id").get<std::string>(),    json.at("instruction").get<std::string>(),
                       json.value("follow_ups", Strings{}), json.value("references", Strings{}),
                       json.value("source_id", ""),         json.value("dataset", ""),
                       json.value("category", ""),          json.value("task", Strings{}),
                       json.value("topic", Strings{}),      json.value("difficulty", "")};
        record.answer = answer_from_json(json.at("answer"));
        if (json.contains("other")) record.other = answer_from_json(json.at("other"));
        record.rubric = json.at("rubric").get<std::string>();
        record.rubric_version = json.value("rubric_version", "");
        record.judge = json.value("judge", "");
        record.turn = json.value("turn", 1);
        for (const auto& [aspect, verdict] : json.at("verdicts").items()) {
            record.verdicts.push_back({aspect, verdict_from_json(verdict)});
        }
        record.reply = json.value("reply", "");
        record.attempts = json.value("attempts", 1);
        record.steering = json.value("steering", Strings{});
        return record;
    } catch (const nlohmann::json::exception& problem) {
        throw error(ErrorKind::BadInput, "not an evaluation record: {}", problem.what());
    }
}

EvalRun load_run(const std::filesystem::path& folder) {
    const fs::path manifest = folder / kManifestFile;
    if (!fs::exists(manifest)) {
        throw error(ErrorKind::NotFound, "{}: not a run folder: it has no {}", folder.string(), kManifestFile);
    }
    EvalRun run;
    run.manifest = read_json_file(manifest);
    if (!run.manifest.is_object() || run.manifest.value("format", "") != kRunFormat) {
        throw error(ErrorKind::BadInput, "{}: not the manifest of an evaluation run", manifest.string());
    }
    if (run.manifest.contains("finished") && run.manifest["finished"].is_null()) {
        throw error(ErrorKind::BadInput,
                    "{}: the run is not finished; the command that began it goes on where it stopped", folder.string());
    }
    const fs::path records = folder / kRecordsFile;
    generate::SeenRecords seen;
    for_each_json_value(
        records,
        [&](std::size_t index, Json&& json) {
            if (!seen.add(generate::record_key(json))) return;
            try {
                run.records.push_back(record_from_json(json));
            } catch (const Error& problem) {
                throw error(ErrorKind::BadInput, "{}: record {}: {}", records.string(), index, problem.what());
            }
        },
        kRecordFileLimits);
    run.repeated = seen.repeated();
    return run;
}

void check_new_run(const fs::path& folder, const Json& origin) {
    const auto refuse = [&](std::string_view what) {
        throw error(ErrorKind::BadInput, "{}: {}; name another folder or remove it", folder.string(), what);
    };
    const fs::path manifest = folder / kManifestFile;
    if (fs::exists(manifest)) {
        const Json json = try_parse_json(read_file(manifest), kRecordLimits).value_or(nullptr);
        const bool is_left_over = json.is_object() && json.value("format", Json()) == kRunFormat &&
                                  json.value("origin", Json()) == origin && json.contains("finished") &&
                                  json["finished"].is_null();
        if (!is_left_over) refuse("holds a run already");
        return;
    }
    std::error_code none;
    if (fs::exists(folder / kRecordsFile) && fs::file_size(folder / kRecordsFile, none) > 0) {
        refuse(fmt::format("has {} but no {}", kRecordsFile, kManifestFile));
    }
}

void write_new_run(const fs::path& folder, Json manifest, std::string_view records) {
    const bool had_folder = fs::exists(folder);
    manifest["format"] = kRunFormat;
    Json beginning = manifest;
    beginning["finished"] = nullptr;
    try {
        write_file_atomic(folder / kManifestFile, beginning.dump(2) + "\n");
        write_file_atomic(folder / kRecordsFile, records);
        write_file_atomic(folder / kManifestFile, manifest.dump(2) + "\n");
    } catch (...) {
        std::error_code ignored;
        if (!had_folder) fs::remove_all(folder, ignored);
        throw;
    }
}

void save_run(const std::filesystem::path& folder, const EvalRun& run) {
    check_new_run(folder, run.manifest.is_object() ? run.manifest.value("origin", Json()) : Json());
    std::string lines;
    for (const EvalRecord& record : run.records) {
        lines += to_json(record).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    write_new_run(folder, run.manifest, lines);
}

std::size_t count_words(std::string_view text) {
    std::size_t words = 0;
    bool inside = false;
    while (!text.empty()) {
        const std::size_t space = white_space_length(text);
        if (space == 0 && !inside) ++words;
        inside = space == 0;
        text.remove_prefix(space == 0 ? 1 : space);
    }
    return words;
}

}  // namespace urial::eval

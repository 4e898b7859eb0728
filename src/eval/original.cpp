#include "eval/original.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json_stream.h"
#include "base/text.h"
#include "eval/dataset.h"
#include "eval/summary.h"
#include "eval/verdict.h"

namespace urial::eval {
namespace {

constexpr std::string_view kImportOrigin = "imported raw judgements";
constexpr std::string_view kFailedResult = "N/A";  // what the original stores when a request failed
constexpr std::array<std::string_view, 4> kModes{"score_multi", "score_safety", "pairwise", "pairwise_multi"};
constexpr std::string_view kOverall = "overall";

const Json& require(const Json& json, const char* key) {
    const auto found = json.find(key);
    if (found == json.end()) throw error(ErrorKind::BadInput, "it has no \"{}\"", key);
    return *found;
}

std::string require_text(const Json& json, const char* key) {
    const Json& value = require(json, key);
    if (!value.is_string()) throw error(ErrorKind::BadInput, "\"{}\" is {}, a text is needed", key, value.type_name());
    return value.get<std::string>();
}

std::string mode_of(const Json& raw) {
    const Json& config = require(raw, "eval_config");
    if (!config.is_object()) throw Error(ErrorKind::BadInput, "\"eval_config\" must be an object");
    return require_text(config, "mode");
}

bool is_pairwise(std::string_view mode) { return mode.starts_with("pairwise"); }

Json parsed_result(const Json& raw) {
    const auto found = raw.find("parsed_result");
    return found == raw.end() || !found->is_object() ? Json(nullptr) : *found;
}

/// Mode "pairwise" stores one judgement without naming its aspect.
bool is_overall(std::string_view mode) { return mode == "pairwise"; }

std::vector<std::string> usual_aspects(std::string_view mode) {
    if (mode == "score_multi") return {"helpfulness", "clarity", "factuality", "depth", "engagement"};
    if (mode == "score_safety") return {"safety"};
    return {std::string(kOverall)};
}

void read_verdicts(const Json& raw, std::string_view mode, std::vector<std::string>& aspects, EvalRecord& record) {
    const Json parsed = parsed_result(raw);
    if (parsed.is_null()) {
        if (aspects.empty()) aspects = usual_aspects(mode);
        const UnscoredReason reason =
            record.reply == kFailedResult ? UnscoredReason::RequestFailed : UnscoredReason::InvalidJson;
        for (const std::string& aspect : aspects) record.verdicts.push_back({aspect, Unscored{reason, ""}});
        return;
    }
    if (is_overall(mode)) {
        record.verdicts.push_back({std::string(kOverall), parse_stored_verdict(parsed, 1, 5)});
    } else {
        for (const auto& [aspect, value] : parsed.items()) {
            record.verdicts.push_back({aspect, parse_stored_verdict(value, 1, 5)});
        }
    }
    aspects.clear();
    for (const AspectVerdict& entry : record.verdicts) aspects.push_back(entry.aspect);
}

/// Escapes the quotes inside the text of a "reason" that is followed by a "preference".
std::string escape_inner_quotes(std::string_view text) {
    static constexpr std::string_view kReason = "\"reason\"";
    static constexpr std::string_view kPreference = "\"preference\"";
    std::string out;
    for (std::size_t at = text.find(kReason); at != std::string_view::npos; at = text.find(kReason)) {
        const std::size_t open = text.find('"', at + kReason.size());
        const std::size_t next = text.find(kPreference, at);
        if (open == std::string_view::npos || next == std::string_view::npos) break;
        const std::size_t close = text.rfind('"', next - 1);
        if (open >= close) break;
        out += text.substr(0, open + 1);
        for (std::size_t i = open + 1; i < close; ++i) {
            if (text[i] == '"' && text[i - 1] != '\\') out += '\\';
            out += text[i];
        }
        text.remove_prefix(close);
    }
    out += text;
    return out;
}

/// Judgements have the request; items have only the instruction.
bool is_item(const Json& json) { return json.contains("instruction") && !json.contains("eval_config"); }

[[noreturn]] void refuse_record(const fs::path& file, std::size_t index, std::string_view what) {
    throw error(ErrorKind::BadInput, "{}: record {}: {}", file.string(), index, what);
}

/// Thrown to stop reading a file once its first value has told what it is.
struct KindKnown {};

bool holds_items(const fs::path& file) {
    bool items = false;
    try {
        for_each_json_value(file, [&](std::size_t, Json&& json) {
            items = json.is_object() && is_item(json);
            throw KindKnown{};
        });
    } catch (const KindKnown&) {
    }
    return items;
}

ItemIndex index_items(std::span<const fs::path> item_files) {
    ItemIndex index;
    for (const fs::path& file : item_files) {
        for (Item& item : load_items(file)) index.add(std::move(item));
    }
    return index;
}

Json manifest_of(std::span<const fs::path> files, std::span<const fs::path> item_files, const ImportReport& report) {
    Json manifest{{"format", kRunFormat}, {"origin", kImportOrigin}};
    const auto list = [](std::span<const fs::path> paths) {
        Json entries = Json::array();
        for (const fs::path& path : paths) {
            entries.push_back({{"name", path.filename().string()}, {"sha256", sha256_file(path)}});
        }
        return entries;
    };
    manifest["sources"] = list(files);
    manifest["items"] = list(item_files);
    manifest["records"] = report.records;
    manifest["unread"] = report.unscored;
    manifest["modes"] = report.modes;
    return manifest;
}

std::string difficulty_of(std::string_view reply) {
    static constexpr std::array<std::string_view, 5> kNames{"easy", "easy", "medium", "hard", "hard"};
    std::string difficulty = "n/a";
    for (std::size_t level = 1; level <= kNames.size(); ++level) {
        const bool named = reply.find(fmt::format(": {}", level)) != std::string_view::npos ||
                           reply.find(fmt::format(", {}", level)) != std::string_view::npos;
        if (named) difficulty = kNames[level - 1];
    }
    return difficulty;
}

template <typename Value>
Value& entry(Named<Value>& list, const std::string& name) {
    for (auto& [key, value] : list) {
        if (key == name) return value;
    }
    return list.emplace_back(name, Value{}).second;
}

bool is_parsed(const EvalRecord& record) {
    const auto failed = [](const AspectVerdict& verdict) {
        const auto* unscored = std::get_if<Unscored>(&verdict.verdict);
        return unscored != nullptr &&
               (unscored->reason == UnscoredReason::RequestFailed || unscored->reason == UnscoredReason::InvalidJson);
    };
    return !record.verdicts.empty() && std::ranges::none_of(record.verdicts, failed);
}

}  // namespace

std::string repair_reply_as_original(std::string_view reply) {
    std::string text(reply);
    text = replace_all(text, "```", "");
    if (text.find("\\\\\"") != std::string::npos) {
        text = replace_all(text, "\\\\\"", "\\\"");
    } else {
        text = replace_all(text, "\\", "\\\\");
    }
    text = std::string(trim(text));
    const std::size_t begin = text.find('{');
    const std::size_t end = text.rfind('}');
    if (begin == std::string::npos || end == std::string::npos || end < begin) return text;
    return text.substr(begin, end - begin + 1);
}

std::optional<Json> parse_repaired_as_original(std::string_view repaired) {
    std::string text(repaired);
    std::erase(text, '\n');
    return try_parse_json(escape_inner_quotes(text));
}

std::vector<EvalRecord> reread_as_original(std::vector<EvalRecord> records) {
    for (EvalRecord& record : records) {
        if (!is_unscored(record.verdicts)) continue;
        const std::optional<Json> parsed = parse_repaired_as_original(repair_reply_as_original(record.reply));
        if (!parsed || !parsed->is_object()) continue;
        for (AspectVerdict& entry : record.verdicts) {
            if (!std::holds_alternative<Unscored>(entry.verdict) || !parsed->contains(entry.aspect)) continue;
            entry.verdict = parse_stored_verdict(parsed->at(entry.aspect), 1, 5);
        }
    }
    return records;
}

std::string original_rubric_name(std::string_view name, std::string_view mode) {
    std::string joined = fmt::format("{}-{}", name, mode);
    std::ranges::replace(joined, '_', '-');
    return joined;
}

void for_each_request(std::span<const fs::path> files, const std::function<void(RenderedRequest&&)>& request) {
    for (const fs::path& file : files) {
        for_each_json_value(file, [&](std::size_t index, Json&& raw) {
            try {
                RenderedRequest found;
                found.mode = mode_of(raw);
                found.prompt = require_text(raw, "prompt");
                found.instruction = require_text(raw, "input");
                if (is_pairwise(found.mode)) {
                    found.outputs = {require_text(raw, "output_A"), require_text(raw, "output_B")};
                } else {
                    found.outputs = {require_text(raw, "output_cand")};
                }
                found.where = fmt::format("{}: record {}", file.string(), index);
                const Json parsed = parsed_result(raw);
                if (is_overall(found.mode)) {
                    found.aspects = {std::string(kOverall)};
                } else if (parsed.is_object()) {
                    for (const auto& [aspect, value] : parsed.items()) found.aspects.push_back(aspect);
                }
                request(std::move(found));
            } catch (const Error& problem) {
                refuse_record(file, index, problem.what());
            }
        });
    }
}

EvalRecord record_from_raw(const Json& raw, std::map<std::string, std::vector<std::string>>& aspects) {
    const std::string mode = mode_of(raw);
    if (std::ranges::find(kModes, mode) == kModes.end()) {
        throw error(ErrorKind::BadInput, "mode \"{}\" is not a judgement with scores or preferences; there are {}",
                    mode, fmt::join(kModes, ", "));
    }
    EvalRecord record;
    const Json& id = require(raw, "id");
    record.item.id = id.is_string() ? id.get<std::string>() : id.dump();
    record.item.instruction = require_text(raw, "input");
    record.item.category = mode == "score_safety" ? "safety" : "regular";
    if (is_pairwise(mode)) {
        record.answer = {require_text(raw, "output_A"), {}, require_text(raw, "generator_A")};
        record.other = Answer{require_text(raw, "output_B"), {}, require_text(raw, "generator_B")};
    } else {
        record.answer = {require_text(raw, "output_cand"), {}, require_text(raw, "generator_cand")};
    }
    record.rubric = original_rubric_name("original", mode);
    record.judge = require_text(require(raw, "eval_config"), "gpt");
    record.reply = require_text(raw, "result");
    record.steering = steering_of(record.answer, record.other, record.turn);
    read_verdicts(raw, mode, aspects[mode], record);
    return record;
}

ImportReport import_judgements(std::span<const fs::path> files, const fs::path& folder, const ImportOptions& options) {
    std::vector<fs::path> item_files;
    std::vector<fs::path> judgement_files;
    if (options.items) item_files.push_back(*options.items);
    for (const fs::path& file : files) (holds_items(file) ? item_files : judgement_files).push_back(file);
    if (judgement_files.empty()) throw Error(ErrorKind::BadInput, "no file of judgements was given, only items");
    const ItemIndex items = index_items(item_files);
    check_new_run(folder, kImportOrigin);
    ImportReport report;
    std::map<std::string, std::vector<std::string>> aspects;
    std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, fs::path> seen;
    std::string lines;
    for (const fs::path& file : judgement_files) {
        for_each_json_value(file, [&](std::size_t index, Json&& raw) {
            try {
                EvalRecord record = record_from_raw(raw, aspects);
                report.tagged += items.complete(record.item) ? 1 : 0;
                const auto [first, is_new] =
                    seen.try_emplace({record.rubric, record.judge, record.item.id, record.answer.generator,
                                      record.other ? record.other->generator : std::string()},
                                     file);
                if (!is_new) {
                    throw error(ErrorKind::BadInput, "id {} was judged already in {}; leave one of the two files out",
                                record.item.id, first->second.string());
                }
                ++report.records;
                report.unscored += is_unscored(record.verdicts) ? 1 : 0;
                ++report.modes[record.rubric];
                lines += to_json(record).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
            } catch (const Error& problem) {
                refuse_record(file, index, problem.what());
            }
        });
    }
    write_new_run(folder, manifest_of(judgement_files, item_files, report), lines);
    return report;
}

OriginalReport report_as_original(std::span<const EvalRecord> records) {
    OriginalReport report;
    Named<std::size_t> counts;
    double words = 0;
    for (const EvalRecord& record : records) {
        if (record.other || !is_parsed(record)) continue;
        ++report.total;
        words += static_cast<double>(count_words(record.answer.output));
        for (const AspectVerdict& verdict : record.verdicts) {
            const auto* score = std::get_if<Score>(&verdict.verdict);
            if (score == nullptr && !std::holds_alternative<NotApplicable>(verdict.verdict)) continue;
            entry(report.means, verdict.aspect) += score == nullptr ? kOriginalNotApplicable : score->value;
            ++entry(counts, verdict.aspect);
        }
    }
    for (auto& [aspect, sum] : report.means) sum /= static_cast<double>(entry(counts, aspect));
    report.average_words =
        report.total == 0 ? std::numeric_limits<double>::quiet_NaN() : words / static_cast<double>(report.total);
    return report;
}

OriginalPairwiseReport report_pairwise_as_original(std::span<const EvalRecord> records) {
    OriginalPairwiseReport report;
    Named<std::size_t> answers;
    for (const EvalRecord& record : records) {
        if (!record.other || !is_parsed(record)) continue;
        for (const AspectVerdict& verdict : record.verdicts) {
            const auto* preference = std::get_if<Preference>(&verdict.verdict);
            if (preference == nullptr) continue;
            ++report.total;
            const bool tie = preference->choice == Choice::Tie;
            const Answer& preferred = preference->choice == Choice::A ? record.answer : *record.other;
            ++entry(report.preferred, tie ? std::string(kOriginalTie) : preferred.generator);
        }
        for (const Answer* answer : {&record.answer, &*record.other}) {
            entry(report.average_words, answer->generator) += static_cast<double>(count_words(answer->output));
            ++entry(answers, answer->generator);
        }
    }
    for (auto& [generator, words] : report.average_words) words /= static_cast<double>(entry(answers, generator));
    return report;
}

OriginalTags tags_as_original(std::string_view topic_reply, std::string_view task_reply,
                              std::span<const std::string> topics, std::span<const std::string> tasks) {
    OriginalTags tags;
    for (const std::string& topic : topics) {
        if (topic_reply.find(topic) != std::string_view::npos) tags.topic.push_back(topic);
    }
    for (const std::string& task : tasks) {
        if (task_reply.find(task) != std::string_view::npos) tags.task.push_back(task);
    }
    tags.difficulty = difficulty_of(task_reply);
    return tags;
}

}  // namespace urial::eval

#include "eval/judge_log.h"

#include <algorithm>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "eval/verdict.h"
#include "generate/run_records.h"

namespace urial::eval {
namespace {

/// Before anything in the folder is touched: is it ours to write?
fs::path check_folder(const fs::path& folder) {
    const fs::path manifest = folder / kManifestFile;
    if (!fs::exists(manifest)) {
        for (const std::string_view file : {kRecordsFile, kRawFile, kLedgerFile}) {
            std::error_code none;
            if (!fs::exists(folder / file) || fs::file_size(folder / file, none) == 0) continue;
            throw error(ErrorKind::BadInput, "{}: has {} but no {}; name another folder", folder.string(), file,
                        kManifestFile);
        }
        return folder;
    }
    const Json json = read_json_file(manifest);
    if (!json.is_object() || json.value("format", "") != kRunFormat || !json.contains("judges")) {
        throw error(ErrorKind::BadInput, "{}: holds a run of another kind; name another folder", folder.string());
    }
    return folder;
}

/// Lines that money was paid for are not passed over. Those after the last good one were being written when the machine
/// stopped: no reply in them was taken for kept.
void refuse_damage(const fs::path& path, const std::vector<std::size_t>& damaged, std::size_t last_good) {
    if (damaged.empty() || damaged.front() > last_good) return;
    throw error(
        ErrorKind::BadInput,
        "{}: damaged lines ({}), as a power cut leaves them: what they held was paid for. Put a copy of the file "
        "back; or take these lines out of it, to have what they held asked again; or name another folder",
        path.string(), fmt::join(damaged, ", "));
}

std::string key_of(const fs::path& path, std::size_t line, const Json& json) {
    if (json.is_object() && json.contains("key") && json["key"].is_string()) return json["key"].get<std::string>();
    throw error(ErrorKind::BadInput, "{}:{}: not a line of a judging run (it has no \"key\"); name another folder",
                path.string(), line);
}

template <typename Number>
Json or_null(const std::optional<Number>& value) {
    return value ? Json(*value) : Json(nullptr);
}

std::optional<double> number_in(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_number() ? std::optional(json[key].get<double>()) : std::nullopt;
}

std::optional<Usage> usage_in(const Json& json) {
    if (!json.contains("prompt_tokens") || !json["prompt_tokens"].is_number()) return std::nullopt;
    return Usage{json["prompt_tokens"].get<std::size_t>(), json.value("completion_tokens", std::size_t{0})};
}

void put_usage(Json& json, const std::optional<Usage>& usage) {
    json["prompt_tokens"] = usage ? Json(usage->prompt_tokens) : Json(nullptr);
    json["completion_tokens"] = usage ? Json(usage->completion_tokens) : Json(nullptr);
}

}  // namespace

bool is_request_failure(const EvalRecord& record) {
    return std::ranges::all_of(record.verdicts, [](const AspectVerdict& entry) {
        const auto* unscored = std::get_if<Unscored>(&entry.verdict);
        return unscored != nullptr && unscored->reason == UnscoredReason::RequestFailed;
    });
}

Json to_json(const Bill& bill) {
    return {{"attempts", bill.attempts},
            {"failed", bill.failed},
            {"unsettled", bill.unsettled},
            {"prompt_tokens", bill.prompt_tokens},
            {"completion_tokens", bill.completion_tokens},
            {"cost_usd", bill.cost},
            {"unpriced", bill.unpriced}};
}

Bill bill_from_json(const Json& json) {
    Bill bill;
    for (const auto& [key, member] : {std::pair{"attempts", &Bill::attempts},
                                      {"failed", &Bill::failed},
                                      {"unsettled", &Bill::unsettled},
                                      {"prompt_tokens", &Bill::prompt_tokens},
                                      {"completion_tokens", &Bill::completion_tokens},
                                      {"unpriced", &Bill::unpriced}}) {
        bill.*member = static_cast<std::size_t>(std::max(0.0, number_in(json, key).value_or(0)));
    }
    bill.cost = number_in(json, "cost_usd").value_or(0);
    return bill;
}

JudgeLog::JudgeLog(const fs::path& folder, const std::set<std::string>& keys)
    : records_(check_folder(folder) / kRecordsFile, kPrivate),
      raw_(folder / kRawFile, kPrivate),
      ledger_(folder / kLedgerFile, kPrivate) {
    const Lines damaged_records = read_records(keys);
    const Lines damaged_ledger = read_ledger();
    const Lines damaged_raw = read_raw();
    repair(records_, damaged_records);
    repair(raw_, damaged_raw);
    repair(ledger_, damaged_ledger);
    end_cut_off();
    if (!unended_.empty()) {
        notices_.push_back(
            fmt::format("{} requests were in flight when an earlier run ended; the bill counts them with "
                        "the most that they can cost",
                        unended_.size()));
    }
}

void JudgeLog::repair(JsonLinesWriter& file, const Lines& damaged) {
    const generate::Repairs repairs = generate::repair(file, damaged);
    const std::string path = file.path().string();
    if (repairs.torn_bytes > 0) {
        notices_.push_back(fmt::format("{}: a torn last line of {} bytes was removed", path, repairs.torn_bytes));
    }
    if (repairs.damaged > 0) {
        notices_.push_back(
            fmt::format("{}: {} damaged lines were moved to {}", path, repairs.damaged, repairs.damaged_file.string()));
    }
}

/// Those of earlier runs that were killed between the raw reply and the ledger.
void JudgeLog::end_cut_off() {
    for (const auto& [attempt, ended] : cut_off_) end_in_ledger(attempt, ended);
    cut_off_.clear();
}

JudgeLog::Lines JudgeLog::read_records(const std::set<std::string>& keys) {
    std::size_t failures = 0;
    std::size_t repeated = 0;
    Lines damaged = for_each_written_line(records_.path(), [&](std::size_t line, Json&& json) REQUIRES(mutex_) {
        const std::string key = key_of(records_.path(), line, json);
        const EvalRecord record = record_from_json(json);
        if (is_request_failure(record)) {  // of whatever judge and item: nothing was judged
            ++failures;
            return;
        }
        if (!keys.contains(key)) {
            throw error(
                ErrorKind::BadInput,
                "{}:{}: item {} was judged, but is not asked for now: with another answer, rubric or judge, or not "
                "at all (--limit, --where, a shorter file); name another folder",
                records_.path().string(), line, json.value("id", "?"));
        }
        if (!recorded_.insert(key).second) {
            ++repeated;
            return;
        }
        unscored_ += is_unscored(record.verdicts) ? 1 : 0;
    });
    failures_ = failures;
    if (repeated > 0) {
        notices_.push_back(fmt::format("{}: {} judgements stand there more than once; each counts once",
                                       records_.path().string(), repeated));
    }
    if (failures_ > 0) {
        notices_.push_back(fmt::format("{} judgements whose requests failed are tried again", failures_));
    }
    return damaged;
}

void JudgeLog::forget_failures() {
    if (failures_ == 0) return;
    const MutexLock lock(mutex_);
    std::string kept;
    for_each_json_line(records_.path(), [&](std::size_t line, Json&& json) REQUIRES(mutex_) {
        if (recorded_.contains(key_of(records_.path(), line, json))) kept += json.dump() + "\n";
    });
    records_.replace(kept);
}

void JudgeLog::sync() {
    const MutexLock lock(mutex_);
    raw_.sync();
    ledger_.sync();
    records_.sync();
}

void JudgeLog::begin_bulk() {
    const MutexLock lock(mutex_);
    is_bulk_ = true;
}

void JudgeLog::sync_now(JsonLinesWriter& file) {
    if (!is_bulk_) file.sync();
}

JudgeLog::Lines JudgeLog::read_ledger() {
    std::size_t last_good = 0;
    Lines damaged = for_each_written_line(ledger_.path(), [&](std::size_t line, Json&& json) REQUIRES(mutex_) {
        last_good = line;
        Attempt attempt;
        attempt.key = key_of(ledger_.path(), line, json);
        attempt.number = json.value("attempt", 0);
        const std::string event = json.value("event", "");
        if (event == "sent") {
            attempt.judge = json.value("judge", "");
            attempt.most_cost = number_in(json, "most_cost_usd");
            attempts_[attempt.key] = std::max(attempts_[attempt.key], attempt.number);
            ++bill_.attempts;
            unended_[{attempt.key, attempt.number}] = attempt;
        } else if (const auto found = unended_.find({attempt.key, attempt.number}); found != unended_.end()) {
            settle(found->second, {usage_in(json), number_in(json, "cost_usd"), event == "failed"});
        }
    });
    refuse_damage(ledger_.path(), damaged, last_good);
    return damaged;
}

JudgeLog::Lines JudgeLog::read_raw() {
    std::size_t last_good = 0;
    Lines damaged = for_each_written_line(raw_.path(), [&](std::size_t line, Json&& json) REQUIRES(mutex_) {
        last_good = line;
        Attempt attempt;
        attempt.key = key_of(raw_.path(), line, json);
        attempt.number = json.value("attempt", 0);
        const bool failed = json.contains("failure");
        if (const auto found = unended_.find({attempt.key, attempt.number}); found != unended_.end()) {
            cut_off_.push_back({found->second, {usage_in(json), number_in(json, "cost_usd"), failed}});
        }
        if (!failed && !recorded_.contains(attempt.key)) {
            replies_[attempt.key].push_back(json.value("reply", ""));
        }
    });
    refuse_damage(raw_.path(), damaged, last_good);
    return damaged;
}

const std::vector<std::string>& JudgeLog::replies(const std::string& key) const {
    static const std::vector<std::string> kNone;
    const auto found = replies_.find(key);
    return found == replies_.end() ? kNone : found->second;
}

Bill JudgeLog::bill() const {
    const MutexLock lock(mutex_);
    Bill bill = bill_;
    bill.unsettled = unended_.size();
    for (const auto& [which, attempt] : unended_) {
        bill.cost += attempt.most_cost.value_or(0);
        bill.unpriced += attempt.most_cost ? 0 : 1;
    }
    return bill;
}

void JudgeLog::begin(Attempt& attempt) {
    const MutexLock lock(mutex_);
    attempt.number = ++attempts_[attempt.key];
    ledger_.append({{"event", "sent"},
                    {"key", attempt.key},
                    {"attempt", attempt.number},
                    {"judge", attempt.judge},
                    {"item", attempt.item},
                    {"most_cost_usd", or_null(attempt.most_cost)}});
    sync_now(ledger_);
    ++bill_.attempts;
    unended_[{attempt.key, attempt.number}] = attempt;
}

void JudgeLog::end(const Attempt& attempt, const JudgeReply& reply, std::optional<double> cost) {
    Json request = try_parse_json(reply.request, kRecordLimits).value_or(reply.request);
    Json raw{{"key", attempt.key}, {"attempt", attempt.number}, {"judge", attempt.judge}, {"item", attempt.item}};
    raw["request"] = std::move(request);
    if (reply.failure) {
        raw["failure"] = reply.failure->message;
    } else {
        raw["reply"] = reply.text;
    }
    put_usage(raw, reply.usage);
    raw["cost_usd"] = or_null(cost);
    const MutexLock lock(mutex_);
    raw_.append(raw);
    sync_now(raw_);
    end_in_ledger(attempt, {reply.usage, cost, reply.failure.has_value()});
}

void JudgeLog::end_in_ledger(const Attempt& attempt, const Ended& ended) {
    Json event{{"event", ended.failed ? "failed" : "replied"}, {"key", attempt.key}, {"attempt", attempt.number}};
    put_usage(event, ended.usage);
    event["cost_usd"] = or_null(ended.cost);
    ledger_.append(event);
    sync_now(ledger_);
    settle(attempt, ended);
}

void JudgeLog::settle(const Attempt& attempt, const Ended& ended) {
    bill_.failed += ended.failed ? 1 : 0;
    if (ended.usage) {
        bill_.prompt_tokens += ended.usage->prompt_tokens;
        bill_.completion_tokens += ended.usage->completion_tokens;
    }
    bill_.cost += ended.cost.value_or(0);
    bill_.unpriced += ended.cost ? 0 : 1;
    unended_.erase({attempt.key, attempt.number});
}

void JudgeLog::record(const std::string& key, EvalRecord record) {
    const MutexLock lock(mutex_);
    record.attempts = attempts_[key];
    Json json = to_json(record);
    json["key"] = key;
    records_.append(json);
}

std::set<std::string> recorded_keys(const fs::path& folder) {
    std::set<std::string> keys;
    const fs::path path = folder / kRecordsFile;
    if (!fs::exists(path)) return keys;
    for_each_written_line(path, [&](std::size_t line, Json&& json) {
        std::string key = key_of(path, line, json);
        if (!is_request_failure(record_from_json(json))) keys.insert(std::move(key));
    });
    return keys;
}

}  // namespace urial::eval

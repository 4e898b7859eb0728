// A run folder from two sides and items: prepares tokens, resumes, sizes the sessions, writes records and manifest.
// The rules of resuming are those of generate/batch_run.cpp: a record is known by a hash of all that decides it.

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "generate/record.h"
#include "generate/run_identity.h"
#include "generate/run_records.h"
#include "shift/answer_scorer.h"
#include "shift/record.h"
#include "shift/shift.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kFormat = "urial.shift/1";
/// Input fields that the record has in another form, that only say how the answer came about, or whose names mean
/// something in a record.
const generate::FieldNames kReserved{"aligned_argmax",
                                     "aligned_entropy",
                                     "aligned_logp",
                                     "aligned_margin",
                                     "aligned_prompt_ids",
                                     "aligned_rank",
                                     "aligned_top",
                                     "answer",
                                     "answer_ids",
                                     "base_argmax",
                                     "base_entropy",
                                     "base_logp",
                                     "base_margin",
                                     "base_prompt_ids",
                                     "base_rank",
                                     "base_top",
                                     "error",
                                     "finish_reason",
                                     "input",
                                     "js",
                                     "key",
                                     "kl_ab",
                                     "kl_ab_lower_bound",
                                     "kl_ba",
                                     "original",
                                     "output",
                                     "outputs",
                                     "pieces",
                                     "pure_input",
                                     "token_ids",
                                     "top_pieces",
                                     "tv",
                                     "tv_lower_bound",
                                     "tv_upper_bound"};

struct Pending {
    const ShiftItem* item;
    std::string key;
};

std::string key_of(const std::string& run_hash, const ShiftItem& item) {
    ordered_json content{{"run", run_hash}, {"id", item.id}, {"query", item.conversation.query}};
    for (const prompt::Turn& turn : item.conversation.turns) content["turns"].push_back({turn.query, turn.answer});
    if (!item.conversation.system.empty()) content["system"] = item.conversation.system;
    if (item.answer_text) content["answer"] = *item.answer_text;
    content["ids"] = {item.base_prompt_ids, item.aligned_prompt_ids, item.answer_ids};
    return sha256_hex(content.dump(-1, ' ', false, ordered_json::error_handler_t::replace)).substr(0, 16);
}

std::vector<Pending> pending_of(const ordered_json& identity, const std::vector<ShiftItem>& items) {
    const std::string run_hash = generate::hash_of_identity(identity);
    std::vector<Pending> pending;
    for (const ShiftItem& item : items) pending.push_back({&item, key_of(run_hash, item)});
    return pending;
}

/// What the records in a folder are looked up for.
generate::EarlierRecords earlier_records(const std::vector<Pending>& pending, const fs::path& folder) {
    std::set<std::string> wanted;
    std::set<std::string> positions;  // ids of items that have none of their own
    for (const Pending& task : pending) {
        wanted.insert(task.key);
        if (!generate::has_id(task.item->fields)) positions.insert(task.item->id);
    }
    return {records_file(folder).string(), std::move(wanted), std::move(positions)};
}

class ShiftRun {
public:
    ShiftRun(AnswerScorer& scorer, const std::vector<ShiftItem>& items, const ShiftOptions& options)
        : scorer_(scorer),
          items_(items),
          options_(options),
          pieces_([&scorer](Token token) { return scorer.piece(token, /*special=*/true); }) {
        identity_ = scorer.identity();
        bool generates = false;
        for (const ShiftItem& item : items) {
            scorer.check(item);
            generates = generates || !is_given(item);
        }
        if (generates) identity_["max_tokens"] = options.max_tokens;
        outcome_.progress.total = items.size();
    }

    ShiftOutcome run() {
        refuse_foreign_summary();
        records_.emplace(
            generate::RunFiles{records_file(options_.folder), manifest_file(options_.folder), std::string(kFormat),
                               "folder", "holds the analysis of another pair or with other settings"},
            options_.overwrite ? generate::Existing::Replace : generate::Existing::Continue);
        pending_ = pending_of(identity_, items_);
        if (records_->has_records()) resume();
        const bool was_complete = pending_.empty();
        try {
            if (!was_complete) analyse();
        } catch (const engine::Cancelled&) {
            outcome_.interrupted = true;
        }
        records_->sync();
        if (records_->has_begun() || was_complete) {
            write_manifest(/*finished=*/!outcome_.interrupted && outcome_.missing == 0);
        }
        report_progress();
        return outcome_;
    }

private:
    void notice(std::string_view text) const {
        if (options_.notice) options_.notice(text);
    }

    /// What is written at the end has names that somebody else's files may have.
    void refuse_foreign_summary() const {
        if (fs::exists(manifest_file(options_.folder))) return;
        for (const char* name : {"summary.md", "summary.json"}) {
            if (!fs::exists(options_.folder / name)) continue;
            throw error(ErrorKind::BadInput,
                        "{} is there and nothing proves that such a run wrote it; name another folder, or remove it",
                        (options_.folder / name).string());
        }
    }

    void resume() {
        generate::EarlierRecords earlier = earlier_records(pending_, options_.folder);
        const generate::Repairs repairs =
            records_->resume(identity_, [&](const ordered_json& record) { return earlier.add(record); });
        identity_ = generate::with_served(identity_, records_->manifest()["identity"]);
        for (const std::string& text : generate::notices(repairs, records_file(options_.folder), "analysed again")) {
            notice(text);
        }
        std::erase_if(pending_, [&](const Pending& task) { return earlier.has(task.key); });
        if (const std::string change = scorer_.change_since(records_->manifest());
            !pending_.empty() && !change.empty()) {
            notice(fmt::format("{}: {}", options_.folder.string(), change));
        }
        outcome_.resumed = items_.size() - pending_.size();
        outcome_.progress.done = outcome_.resumed;
        if (outcome_.resumed > 0) {
            notice(fmt::format("resuming: {} of {} answers are there", outcome_.resumed, items_.size()));
        }
        for (const std::string& text : earlier.notices(/*generator=*/"")) {
            notice(fmt::format("{}: {}", options_.folder.string(), text));
        }
        if (earlier.others() > 0) {
            notice(fmt::format("{} records of other items are in the folder and in the summary", earlier.others()));
        }
    }

    /// From here on files change: everything that can be wrong with the run as a whole is known by now.
    void begin() {
        if (records_->has_begun()) return;
        records_->begin();
        write_manifest(/*finished=*/false);
    }

    void write_manifest(bool finished) {
        if (started_.empty()) started_ = generate::timestamp();
        const ShiftProgress& progress = outcome_.progress;
        ordered_json manifest{{"format", kFormat}, {"urial", URIAL_VERSION}};
        manifest.update(scorer_.circumstances());
        manifest["identity"] = identity_;
        manifest["origin"] = options_.origin;
        if (scorer_.computes_here()) manifest["threads"] = records_->threads(thread_count(options_.session.threads));
        manifest.update({{"sequences", sequences_},
                         {"started", started_},
                         {"finished", finished ? ordered_json(generate::timestamp()) : ordered_json()},
                         {"records", progress.done},
                         {"failed", progress.failed},
                         {"total", progress.total},
                         {"positions", progress.positions},
                         {"seconds",
                          {{"all", progress.seconds},
                           {"base", progress.base_seconds},
                           {"aligned", progress.aligned_seconds},
                           {"statistics", progress.statistics_seconds}}}});
        write_file_atomic(manifest_file(options_.folder), manifest.dump(2) + "\n");
    }

    void analyse() {
        ScoreOptions scoring;
        scoring.top_k = options_.top_k;
        scoring.parallel = options_.parallel;
        scoring.max_tokens = options_.max_tokens;
        scoring.session = options_.session;
        scoring.interrupted = options_.interrupted;
        scoring.progress = [this](const ScoreProgress& scored) {
            static_cast<ScoreProgress&>(outcome_.progress) = scored;
            report_progress();
            records_->sync_now_and_then();
        };
        std::vector<const ShiftItem*> items;
        for (const Pending& pending : pending_) items.push_back(pending.item);
        sequences_ = scorer_.sequences(items, scoring);
        scorer_.score(
            items, scoring, [this] { begin(); },
            [this](std::size_t i, ScoredAnswer&& scored) { record(pending_[i], std::move(scored)); });
    }

    void report_progress() {
        if (options_.progress) options_.progress(outcome_.progress);
    }

    static ordered_json start_record(const Pending& pending) {
        const ShiftItem& item = *pending.item;
        ordered_json record{{"id", generate::has_id(item.fields) ? item.fields["id"] : ordered_json(item.id)},
                            {"instruction", item.conversation.query},
                            {"answer", nullptr}};
        generate::carry_over(record, item.fields, kReserved);
        record["key"] = pending.key;
        return record;
    }

    void record(const Pending& pending, ScoredAnswer&& result) {
        if (result.is_missing) {
            ++outcome_.missing;
            return;
        }
        if (!result.failure.empty()) return record_failure(pending, result.failure);
        ordered_json record = start_record(pending);
        const ShiftItem& item = *pending.item;
        std::string text = item.answer_text.value_or(result.text);
        if (result.finish == "given" && !item.answer_text) {
            for (const Token token : result.answer) text += scorer_.piece(token, /*special=*/false);
        }
        record["answer"] = replace_invalid_utf8(text);
        record["finish_reason"] = result.finish;
        if (!is_given(item)) record["generator"] = scorer_.generator();
        add_statistics(record, result, options_.top_k, pieces_);
        records_->append(record);
        ++outcome_.progress.done;
    }

    void record_failure(const Pending& pending, std::string_view reason) {
        begin();
        ordered_json record = start_record(pending);
        record["error"] = reason;
        records_->append(record);
        ++outcome_.progress.failed;
        notice(fmt::format("item {} failed: {}", pending.item->id, reason));
    }

    AnswerScorer& scorer_;
    const std::vector<ShiftItem>& items_;
    const ShiftOptions& options_;
    Pieces pieces_;
    ordered_json identity_;
    std::optional<generate::RunRecords> records_;
    std::vector<Pending> pending_;
    ShiftOutcome outcome_;
    std::string started_;
    int sequences_ = 0;
};

/// Throws Error{BadInput} for what is wrong whoever scores.
void check(const std::vector<ShiftItem>& items, const ShiftOptions& options) {
    if (items.empty()) throw Error(ErrorKind::BadInput, "there is nothing to analyse: no instruction and no answer");
    if (options.top_k < 1) throw Error(ErrorKind::BadInput, "top-k is 0: it must be 1 or more");
    if (options.parallel < 1)
        throw error(ErrorKind::BadInput, "parallel is {}: it must be 1 or more", options.parallel);
    if (options.max_tokens < 1)
        throw error(ErrorKind::BadInput, "max-tokens is {}: it must be 1 or more", options.max_tokens);
}

}  // namespace

ShiftOutcome run_shift(const Side& base, const Side& aligned, const std::vector<ShiftItem>& items,
                       const ShiftOptions& options) {
    check(items, options);
    return ShiftRun(*pair_scorer(base, aligned, options), items, options).run();
}

ShiftOutcome run_shift(ListedSide& base, ListedSide& aligned, const std::vector<ShiftItem>& items,
                       const ShiftOptions& options) {
    check(items, options);
    return ShiftRun(*listed_scorer(base, aligned, options), items, options).run();
}

std::vector<const ShiftItem*> open_items(const ordered_json& identity, const std::vector<ShiftItem>& items,
                                         const fs::path& folder) {
    std::vector<Pending> pending = pending_of(identity, items);
    if (fs::exists(records_file(folder))) {
        generate::EarlierRecords earlier = earlier_records(pending, folder);
        for_each_written_line(records_file(folder), [&](std::size_t, ordered_json&& record) { earlier.add(record); });
        std::erase_if(pending, [&](const Pending& task) { return earlier.has(task.key); });
    }
    std::vector<const ShiftItem*> open;
    for (const Pending& task : pending) open.push_back(task.item);
    return open;
}

std::filesystem::path manifest_file(const std::filesystem::path& folder) { return folder / "manifest.json"; }
std::filesystem::path records_file(const std::filesystem::path& folder) { return folder / "records.jsonl"; }

}  // namespace urial::shift

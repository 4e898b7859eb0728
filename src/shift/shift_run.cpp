// A run folder from two sides and items: prepares tokens, resumes, sizes the sessions, writes records and manifest.
// The rules of resuming are those of generate/batch_run.cpp: a record is known by a hash of all that decides it.

#include <algorithm>
#include <chrono>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "generate/record.h"
#include "generate/run_identity.h"
#include "generate/run_records.h"
#include "shift/original_measures.h"
#include "shift/pair_run.h"
#include "shift/record.h"
#include "shift/shift.h"
#include "shift/side_prompt.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kFormat = "urial.shift/1";
/// Cells beyond this are not taken by default, for each of the two sessions.
constexpr std::size_t kMostContextTokens = 65536;
/// Given answers fill a batch one after the other; more of them at once would only make the attention look further.
constexpr int kGivenSequences = 16;
constexpr std::size_t kGivenAtOnce = 2;

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
                                     "kl_ba",
                                     "original",
                                     "output",
                                     "outputs",
                                     "pieces",
                                     "pure_input",
                                     "token_ids",
                                     "top_pieces",
                                     "tv"};

std::string_view flash_attention_name(engine::SessionOptions::FlashAttention choice) {
    using Choice = engine::SessionOptions::FlashAttention;
    if (choice == Choice::Auto) return "auto";
    return choice == Choice::On ? "on" : "off";
}

ordered_json describe(const Side& side, const SidePrompt& prompt) {
    const engine::ModelInfo& info = side.model->info();
    ordered_json adapters = ordered_json::array();
    if (side.use_adapters) {
        for (const engine::AdapterInfo& adapter : info.adapters) {
            adapters.push_back(
                {{"file", adapter.file_name}, {"sha256", adapter.content_hash}, {"scale", adapter.scale}});
        }
    }
    ordered_json model{{"name", info.name},
                       {"description", info.description},
                       {"sha256", info.content_hash},
                       {"weight_type", side.weight_type},
                       {"arithmetic", engine::name(info.arithmetic)},
                       {"arithmetic_version", engine::kArithmeticVersion}};
    if (info.packed_matrices < info.quantised_matrices) {
        model["arithmetic_covers"] = {{"matrices", info.packed_matrices}, {"of", info.quantised_matrices}};
    }
    return {{"model", model}, {"adapters", adapters}, {"prompt", prompt.describe()}};
}

bool is_given(const ShiftItem& item) { return !item.answer_ids.empty() || item.answer_text; }

class ShiftRun {
public:
    ShiftRun(const Side& base, const Side& aligned, const std::vector<ShiftItem>& items, const ShiftOptions& options)
        : base_(base),
          aligned_(aligned),
          items_(items),
          options_(options),
          base_prompt_(base),
          aligned_prompt_(aligned),
          vocabulary_(compare_vocabularies(*base.model, *aligned.model, options.allowed_vocabulary_mismatch)),
          pieces_(*aligned.model) {
        for (const ShiftItem& item : items) {
            check_ids(item, item.answer_ids, "answer_ids", aligned.model->info().vocabulary_size);
            check_ids(item, item.base_prompt_ids, "base_prompt_ids", base.model->info().vocabulary_size);
            check_ids(item, item.aligned_prompt_ids, "aligned_prompt_ids", aligned.model->info().vocabulary_size);
            generates_ = generates_ || !is_given(item);
        }
        identity_ = identity();
        outcome_.progress.total = items.size();
    }

    ShiftOutcome run() {
        refuse_foreign_summary();
        records_.emplace(
            generate::RunFiles{records_file(options_.folder), manifest_file(options_.folder), std::string(kFormat),
                               "folder", "holds the analysis of another pair or with other settings"},
            options_.overwrite ? generate::Existing::Replace : generate::Existing::Continue);
        const std::string run_hash = sha256_hex(identity_.dump());
        for (const ShiftItem& item : items_) pending_.push_back({&item, key_of(run_hash, item)});
        if (records_->has_records()) resume();
        const bool was_complete = pending_.empty();
        try {
            if (!was_complete) analyse();
        } catch (const engine::Cancelled&) {
            outcome_.interrupted = true;
        }
        records_->sync();
        if (has_begun_ || was_complete) write_manifest(/*finished=*/!outcome_.interrupted);
        report_progress();
        return outcome_;
    }

private:
    struct Pending {
        const ShiftItem* item;
        std::string key;
    };

    static void check_ids(const ShiftItem& item, const std::vector<Token>& ids, const char* name, std::size_t size) {
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < size) continue;
            throw error(ErrorKind::BadInput, "item {} (line {}): {}[{}] is {}, outside the vocabulary of {} tokens; {}",
                        item.id, item.line, name, i, ids[i], size, "were the ids made with another model?");
        }
    }

    ordered_json identity() const {
        const engine::EngineBuild build = engine::engine_build();
        ordered_json identity{{"base", describe(base_, base_prompt_)},
                              {"aligned", describe(aligned_, aligned_prompt_)},
                              {"top_k", options_.top_k},
                              {"engine", {{"version", build.version}, {"commit", build.commit}}},
                              {"flash_attention", flash_attention_name(options_.session.flash_attention)},
                              {"vocabulary",
                               {{"compared", vocabulary_.shared_size - vocabulary_.different.size()},
                                {"left_out", vocabulary_.mismatches()}}}};
        if (generates_) identity["max_tokens"] = options_.max_tokens;
        return identity;
    }

    static std::string key_of(const std::string& run_hash, const ShiftItem& item) {
        ordered_json content{{"run", run_hash}, {"id", item.id}, {"query", item.conversation.query}};
        for (const prompt::Turn& turn : item.conversation.turns) content["turns"].push_back({turn.query, turn.answer});
        if (item.answer_text) content["answer"] = *item.answer_text;
        content["ids"] = {item.base_prompt_ids, item.aligned_prompt_ids, item.answer_ids};
        return sha256_hex(content.dump(-1, ' ', false, ordered_json::error_handler_t::replace)).substr(0, 16);
    }

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
        std::set<std::string> wanted;
        std::set<std::string> positions;  // ids of items that have none of their own
        for (const Pending& task : pending_) {
            wanted.insert(task.key);
            if (!generate::has_id(task.item->fields)) positions.insert(task.item->id);
        }
        generate::EarlierRecords earlier(records_file(options_.folder).string(), std::move(wanted),
                                         std::move(positions));
        const generate::Repairs repairs =
            records_->resume(identity_, [&](const ordered_json& record) { return earlier.add(record); });
        for (const std::string& text : generate::notices(repairs, records_file(options_.folder), "analysed again")) {
            notice(text);
        }
        std::erase_if(pending_, [&](const Pending& task) { return earlier.has(task.key); });
        if (!pending_.empty()) say_change_of_threads();
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

    /// The arithmetic itself belongs to the identity.
    void say_change_of_threads() const {
        for (const auto* side : {&base_, &aligned_}) {
            const std::string change = generate::change_of_arithmetic(
                records_->manifest(), side->model->info().arithmetic, thread_count(options_.session.threads));
            if (!change.empty()) return notice(fmt::format("{}: {}", options_.folder.string(), change));
        }
    }

    /// From here on files change: everything that can be wrong with the run as a whole is known by now.
    void begin() {
        if (std::exchange(has_begun_, true)) return;
        records_->begin();
        write_manifest(/*finished=*/false);
    }

    /// Those that computed the last answers: a run that finds all of them there computes none.
    int threads() const {
        const int now = thread_count(options_.session.threads);
        return has_begun_ || records_->manifest().is_null() ? now : records_->manifest().value("threads", now);
    }

    void write_manifest(bool finished) {
        if (started_.empty()) started_ = generate::timestamp();
        const engine::EngineBuild build = engine::engine_build();
        const ShiftProgress& progress = outcome_.progress;
        const ordered_json manifest{
            {"format", kFormat},
            {"urial", URIAL_VERSION},
            {"engine", {{"version", build.version}, {"commit", build.commit}, {"cpu", build.cpu_features}}},
            {"kernel", path_name(KernelPath::Automatic)},
            {"identity", identity_},
            {"origin", options_.origin},
            {"threads", threads()},
            {"sequences", sequences_},
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
              {"statistics", progress.statistics_seconds}}}};
        write_file_atomic(manifest_file(options_.folder), manifest.dump(2) + "\n");
    }

    PairTask prepare(const Pending& pending) {
        const ShiftItem& item = *pending.item;
        PairTask task;
        task.base_prompt =
            item.base_prompt_ids.empty() ? base_prompt_.tokenize(item.conversation) : item.base_prompt_ids;
        task.aligned_prompt =
            item.aligned_prompt_ids.empty() ? aligned_prompt_.tokenize(item.conversation) : item.aligned_prompt_ids;
        task.answer = item.answer_ids;
        if (task.answer.empty() && item.answer_text) {
            task.answer = aligned_prompt_.answer_tokens(item.conversation, task.aligned_prompt, *item.answer_text,
                                                        item.answer_ended);
        }
        // An end that only the aligned model knows is not compared, in written answers neither.
        if (task.answer.size() > 1 && aligned_.model->ends_generation(task.answer.back()) &&
            !vocabulary_.shares(task.answer.back())) {
            task.answer.pop_back();
        }
        for (const Token token : task.answer) {
            if (vocabulary_.shares(token)) continue;
            throw error(ErrorKind::BadInput, "token {} of the answer is not shared by the two vocabularies", token);
        }
        const std::size_t answer =
            task.answer.empty() ? static_cast<std::size_t>(options_.max_tokens) : task.answer.size();
        for (const auto* side : {&base_, &aligned_}) {
            const std::size_t prompt = side == &base_ ? task.base_prompt.size() : task.aligned_prompt.size();
            const auto room = static_cast<std::size_t>(side->model->info().training_context);
            if (prompt + answer <= room) continue;
            throw error(ErrorKind::ContextFull,
                        "the prompt has {} tokens and the answer {}, together more than the context of {} of {}",
                        prompt, answer, room, side->model->info().name);
        }
        task.on_done = [this, pending](PairResult&& result) { record_answer(pending, std::move(result)); };
        return task;
    }

    void analyse() {
        std::vector<PairTask> tasks;
        for (const Pending& pending : pending_) {
            try {
                tasks.push_back(prepare(pending));
            } catch (const Error& failure) {
                record_failure(pending, failure.what());
            }
        }
        if (tasks.empty()) return;
        PairRun run(base_, aligned_, base_prompt_.prefix(), aligned_prompt_.prefix(), vocabulary_,
                    size_sessions(tasks));
        begin();
        for (PairTask& task : tasks) run.submit(std::move(task));
        tasks.clear();
        started_at_ = Clock::now();
        while (run.step()) {
            ShiftProgress& progress = outcome_.progress;
            progress.positions = run.positions();
            progress.base_seconds = run.base_seconds();
            progress.aligned_seconds = run.aligned_seconds();
            progress.statistics_seconds = run.statistics_seconds();
            report_progress();
            records_->sync_now_and_then();
            if (options_.interrupted && options_.interrupted()) {
                outcome_.interrupted = true;
                return;
            }
        }
    }

    PairRunOptions size_sessions(const std::vector<PairTask>& tasks) {
        const int most = generates_ ? std::min(options_.parallel, kMostSequences) : kGivenSequences;
        sequences_ = static_cast<int>(std::min(tasks.size(), static_cast<std::size_t>(most)));
        const std::size_t at_once = generates_ ? static_cast<std::size_t>(sequences_) : kGivenAtOnce;
        const auto cells = [&](std::size_t prefix, std::vector<Token> PairTask::*prompt) {
            std::vector<std::size_t> needs;
            for (const PairTask& task : tasks) {
                needs.push_back((task.*prompt).size() + (task.answer.empty()
                                                             ? static_cast<std::size_t>(options_.max_tokens)
                                                             : task.answer.size()));
            }
            std::sort(needs.rbegin(), needs.rend());
            std::size_t sum = prefix;
            for (std::size_t i = 0; i < std::min(at_once, needs.size()); ++i) sum += needs[i];
            return static_cast<int>(std::max(prefix + needs.front(), std::min(sum, kMostContextTokens)));
        };
        PairRunOptions run;
        run.session = options_.session;
        run.sequences = sequences_;
        run.base_context = cells(base_prompt_.prefix().size(), &PairTask::base_prompt);
        run.aligned_context = cells(aligned_prompt_.prefix().size(), &PairTask::aligned_prompt);
        run.top_k = std::max(options_.top_k, kOriginalListLength);
        run.max_tokens = options_.max_tokens;
        run.answer_form = aligned_prompt_.answer_form();
        return run;
    }

    void report_progress() {
        if (started_at_) outcome_.progress.seconds = std::chrono::duration<double>(Clock::now() - *started_at_).count();
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

    void record_answer(const Pending& pending, PairResult&& result) {
        if (!result.failure.empty()) return record_failure(pending, result.failure);
        ordered_json record = start_record(pending);
        const ShiftItem& item = *pending.item;
        std::string text = item.answer_text.value_or(result.text);
        if (result.finish == "given" && !item.answer_text) {
            for (const Token token : result.answer) text += aligned_.model->piece(token);
        }
        record["answer"] = replace_invalid_utf8(text);
        record["finish_reason"] = result.finish;
        if (!is_given(item)) record["generator"] = aligned_prompt_.generator();
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

    const Side& base_;
    const Side& aligned_;
    const std::vector<ShiftItem>& items_;
    const ShiftOptions& options_;
    SidePrompt base_prompt_;
    SidePrompt aligned_prompt_;
    VocabularyComparison vocabulary_;
    Pieces pieces_;
    bool generates_ = false;
    ordered_json identity_;
    std::optional<generate::RunRecords> records_;
    bool has_begun_ = false;
    std::vector<Pending> pending_;
    ShiftOutcome outcome_;
    std::string started_;
    std::optional<Clock::time_point> started_at_;
    int sequences_ = 0;
};

}  // namespace

ShiftOutcome run_shift(const Side& base, const Side& aligned, const std::vector<ShiftItem>& items,
                       const ShiftOptions& options) {
    if (items.empty()) throw Error(ErrorKind::BadInput, "there is nothing to analyse: no instruction and no answer");
    if (options.top_k < 1) throw Error(ErrorKind::BadInput, "top-k is 0: it must be 1 or more");
    if (options.parallel < 1)
        throw error(ErrorKind::BadInput, "parallel is {}: it must be 1 or more", options.parallel);
    if (options.max_tokens < 1)
        throw error(ErrorKind::BadInput, "max-tokens is {}: it must be 1 or more", options.max_tokens);
    return ShiftRun(base, aligned, items, options).run();
}

std::filesystem::path manifest_file(const std::filesystem::path& folder) { return folder / "manifest.json"; }
std::filesystem::path records_file(const std::filesystem::path& folder) { return folder / "records.jsonl"; }

}  // namespace urial::shift

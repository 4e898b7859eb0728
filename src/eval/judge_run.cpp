#include "eval/judge_run.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/mutex.h"
#include "eval/judge_asker.h"
#include "eval/verdict.h"
#include "generate/run_identity.h"

namespace urial::eval {
namespace {

/// How often the calling thread looks at progress and interruption.
constexpr std::chrono::milliseconds kTick{100};

std::vector<JudgeJob> make_jobs(const std::vector<JudgeTask>& tasks, const std::vector<JudgeSeat>& judges) {
    std::vector<JudgeJob> jobs;
    std::set<std::string> keys;
    for (const JudgeTask& task : tasks) {
        make_request(task);  // throws now rather than after the first thousand paid replies
        for (const JudgeSeat& seat : judges) {
            JudgeJob job{&task, &seat, task_key(task, seat.judge->name())};
            if (!keys.insert(job.key).second) {
                throw error(ErrorKind::BadInput, "item {} would be judged twice in the same way by {}", task.item.id,
                            seat.judge->name());
            }
            jobs.push_back(std::move(job));
        }
    }
    return jobs;
}

/// A server that goes away while TLS writes to it must not end the process; the signal goes to the thread that wrote.
void ignore_broken_pipes() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::set<std::string> keys_of(const std::vector<JudgeJob>& jobs) {
    std::set<std::string> keys;
    for (const JudgeJob& job : jobs) keys.insert(job.key);
    return keys;
}

void check(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options) {
    if (tasks.empty()) throw Error(ErrorKind::BadInput, "there is nothing to judge: no item is left");
    if (options.judges.empty()) throw Error(ErrorKind::BadInput, "a judge is needed");
    if (options.concurrency < 1) {
        throw error(ErrorKind::BadInput, "concurrency is {}: it must be 1 or more", options.concurrency);
    }
    std::set<std::string> names;
    for (const JudgeSeat& seat : options.judges) {
        const std::string& name = seat.judge->name();
        if (!names.insert(name).second) {
            throw error(ErrorKind::BadInput, "two judges are named {}: their verdicts could not be told apart", name);
        }
        if (options.max_cost && !seat.price) {
            throw error(ErrorKind::BadInput,
                        "the price of {} is not known, so no cost can be kept under {:g} USD: add it to the price file",
                        name, *options.max_cost);
        }
    }
}

class JudgeRun {
public:
    JudgeRun(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options)
        : options_(options),
          tasks_(tasks),
          jobs_(make_jobs(tasks, options.judges)),
          keys_(keys_of(jobs_)),
          log_(options.folder, keys_),
          before_(manifest_in(options.folder)),
          budget_(options.max_cost, log_.bill().cost),
          asker_(log_, budget_, options, stop_.get_token()) {
        progress_.total = jobs_.size();
        progress_.done = log_.recorded();
        progress_.unscored = log_.unscored();
        std::erase_if(jobs_, [&](const JudgeJob& job) { return log_.is_recorded(job.key); });
    }

    JudgeSummary run() {
        JudgeSummary summary;
        summary.resumed = log_.recorded();
        announce(summary.resumed);
        say_what_changed();
        write_manifest();
        log_.forget_failures();
        ask_all();
        try {
            log_.sync();
            write_manifest();
        } catch (...) {
            if (!thrown()) throw;  // else that is what the user has to know
        }
        if (const std::exception_ptr failure = thrown()) std::rethrow_exception(failure);
        summary.progress = progress();
        summary.interrupted = interrupted_;
        summary.out_of_money = asker_.out_of_money();
        const MutexLock lock(mutex_);
        summary.failures = failures_;
        return summary;
    }

    ImportedReplies take_all(const std::function<std::optional<KeyedReply>()>& next) {
        ImportedReplies imported;
        imported.run.resumed = log_.recorded();
        announce(imported.run.resumed);
        write_manifest();
        log_.forget_failures();
        log_.begin_bulk();
        for (const JudgeJob& job : jobs_) open_.emplace(job.key, &job);
        while (!is_interrupted()) {
            std::optional<KeyedReply> reply = next();
            if (!reply) break;
            ++imported.read;
            take(std::move(*reply), imported);
            if (options_.progress) options_.progress(progress());
        }
        if (!interrupted_) end_failures(imported);
        imported.missing = open_.size();
        log_.sync();
        write_manifest();
        imported.run.progress = progress();
        imported.run.interrupted = interrupted_;
        return imported;
    }

private:
    bool is_interrupted() {
        interrupted_ = options_.interrupted && options_.interrupted();
        return interrupted_;
    }

    void take(KeyedReply&& reply, ImportedReplies& imported) {
        const auto found = open_.find(reply.key);
        if (found == open_.end()) {
            ++(keys_.contains(reply.key) ? imported.repeated : imported.foreign);
            return;
        }
        const JudgeJob& job = *found->second;
        if (reply.reply.failure) {
            failed_.insert_or_assign(reply.key, std::move(reply.reply));
            return;
        }
        log_reply(job, reply.reply);
        const auto known = replies_.try_emplace(reply.key, log_.replies(reply.key)).first;
        known->second.push_back(std::move(reply.reply.text));
        std::optional<EvalRecord> record = settled_record(job, known->second);
        if (!record) {
            ++imported.unreadable;
            return;
        }
        ++imported.taken;
        keep(job, std::move(*record));
        replies_.erase(known);
        open_.erase(found);
    }

    /// Judgements without any reply; the next run asks for them.
    void end_failures(ImportedReplies& imported) {
        for (const auto& [key, reply] : failed_) {
            const auto found = open_.find(key);
            if (found == open_.end() || replies_.contains(key)) continue;
            ++imported.failed;
            log_reply(*found->second, reply);
            keep(*found->second, failed_record(*found->second, reply.failure->message));
            open_.erase(found);
        }
    }

    void log_reply(const JudgeJob& job, const JudgeReply& reply) {
        Attempt attempt{job.key, 0, job.seat->judge->name(), job.task->item.id, std::nullopt};
        log_.begin(attempt);
        log_.end(attempt, reply, cost_of_attempt(*job.seat, reply, std::nullopt));
    }

    std::exception_ptr thrown() {
        const MutexLock lock(mutex_);
        return thrown_;
    }

    void announce(std::size_t resumed) {
        if (!options_.notice) return;
        for (const std::string& notice : log_.notices()) options_.notice(notice);
        if (const std::size_t unpriced = log_.bill().unpriced; options_.max_cost && unpriced > 0) {
            options_.notice(fmt::format("{} earlier requests have no price: the limit does not count them", unpriced));
        }
        if (resumed > 0) {
            options_.notice(fmt::format("resuming: {} of {} judgements are there", resumed, progress().total));
        }
    }

    /// A judge that gives its verdicts in other circumstances than in the run before.
    void say_what_changed() const {
        if (!options_.notice || log_.recorded() == 0) return;
        const Json before = before_.value("judges", Json::array());
        for (const JudgeSeat& seat : options_.judges) {
            const Json now = describe(seat);
            for (const Json& judge : before) {
                if (!judge.is_object() || judge.value("name", "") != seat.judge->name()) continue;
                const auto say = [&](std::string_view what, const std::string& was, const std::string& is) {
                    if (was == is) return;
                    options_.notice(fmt::format("{}: {} was {} and is now {}: judgements of both stand in one run",
                                                seat.judge->name(), what, was, is));
                };
                say("device", generate::device_text(judge), generate::device_text(now));
                for (const char* name : {"sha256", "arithmetic", "threads"}) {
                    if (judge.contains(name) && now.contains(name)) say(name, judge[name].dump(), now[name].dump());
                }
            }
        }
    }

    static Json manifest_in(const fs::path& folder) {
        const fs::path path = folder / kManifestFile;
        if (!fs::exists(path)) return Json::object();
        Json json = read_json_file(path);
        return json.is_object() ? json : Json::object();
    }

    void ask_all() {
        std::vector<std::jthread> threads;
        const std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(options_.concurrency), jobs_.size());
        start_counting(count);
        for (std::size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
        try {
            while (!wait_a_tick()) report();
            report();
        } catch (...) {
            stop_.request_stop();  // the threads end before this function does
            throw;
        }
    }

    void start_counting(std::size_t threads) {
        const MutexLock lock(mutex_);
        running_ = threads;
    }

    /// True when all threads have ended.
    bool wait_a_tick() {
        const MutexLock lock(mutex_);
        return ended_.wait_for(mutex_, kTick, [this]() REQUIRES(mutex_) { return running_ == 0; });
    }

    void report() {
        if (options_.interrupted && options_.interrupted()) {
            interrupted_ = true;
            stop_.request_stop();
            for (const JudgeSeat& seat : options_.judges) seat.judge->interrupt();
        }
        for (const std::string& detail : asker_.take_details()) {
            if (options_.detail) options_.detail(detail);
        }
        if (options_.progress) options_.progress(progress());
    }

    void work() {
        ignore_broken_pipes();
        try {
            while (const JudgeJob* job = next_job()) {
                std::optional<EvalRecord> record = asker_.judge(*job);
                if (!record) break;
                keep(*job, std::move(*record));
            }
        } catch (...) {
            const MutexLock lock(mutex_);
            if (!thrown_) thrown_ = std::current_exception();
            stop_.request_stop();
        }
        const MutexLock lock(mutex_);
        --running_;
        ended_.notify_all();
    }

    const JudgeJob* next_job() {
        const MutexLock lock(mutex_);
        if (stop_.stop_requested() || next_ == jobs_.size()) return nullptr;
        return &jobs_[next_++];
    }

    void keep(const JudgeJob& job, EvalRecord record) {
        const bool unscored = is_unscored(record.verdicts);
        const bool failed = is_request_failure(record);
        const std::string reason = failed ? failure_of(record) : "";
        log_.record(job.key, std::move(record));
        const MutexLock lock(mutex_);
        ++progress_.done;
        progress_.unscored += unscored ? 1 : 0;
        progress_.failed += failed ? 1 : 0;
        if (failed) ++failures_[reason];
    }

    static std::string failure_of(const EvalRecord& record) {
        if (record.verdicts.empty()) return "";
        return record.judge + ": " + std::get<Unscored>(record.verdicts.front().verdict).raw;
    }

    JudgeProgress progress() {
        JudgeProgress progress;
        {
            const MutexLock lock(mutex_);
            progress = progress_;
        }
        progress.bill = log_.bill();
        return progress;
    }

    void write_manifest() {
        const fs::path path = options_.folder / kManifestFile;
        if (started_.empty()) {
            started_ = before_.contains("started") ? before_["started"].get<std::string>() : generate::timestamp();
        }
        const JudgeProgress now = progress();
        Json manifest{{"format", kRunFormat}, {"urial", URIAL_VERSION}};
        manifest["origin"] = options_.origin;
        manifest["rubrics"] = describe_rubrics();
        manifest["judges"] = Json::array();
        for (const JudgeSeat& seat : options_.judges) manifest["judges"].push_back(describe(seat));
        manifest["max_tokens"] = options_.max_tokens;
        manifest["concurrency"] = options_.concurrency;
        manifest["started"] = started_;
        manifest["finished"] = now.done == now.total ? Json(generate::timestamp()) : Json(nullptr);
        manifest["judgements"] = now.done;
        manifest["total"] = now.total;
        manifest["unscored"] = now.unscored;
        manifest["bill"] = to_json(now.bill);
        write_file_atomic(path, manifest.dump(2) + "\n", kPrivate);
    }

    Json describe_rubrics() const {
        std::set<const Rubric*> seen;
        Json rubrics = Json::array();
        for (const JudgeTask& task : tasks_) {
            if (!seen.insert(task.rubric.get()).second) continue;
            const std::string text = format_rubric(*task.rubric);
            rubrics.push_back({{"name", task.rubric->name},
                               {"version", task.rubric->version},
                               {"sha256", sha256_hex(text)},
                               {"text", text}});
        }
        return rubrics;
    }

    static Json describe(const JudgeSeat& seat) {
        Json json{{"name", seat.judge->name()}};
        if (seat.description.is_object()) json.update(seat.description);
        if (seat.price) {
            json["usd_per_million"] = Json{{"prompt", seat.price->prompt}, {"completion", seat.price->completion}};
        }
        return json;
    }

    const JudgeRunOptions& options_;
    const std::vector<JudgeTask>& tasks_;
    std::vector<JudgeJob> jobs_;
    const std::set<std::string> keys_;  // of all of them, recorded or not
    std::stop_source stop_;
    JudgeLog log_;
    const Json before_;  // the manifest of the run that this one goes on with; empty where there is none
    Budget budget_;
    JudgeAsker asker_;
    // Of an import, by key: what has no record yet, replies that cannot be read, failures.
    std::map<std::string, const JudgeJob*> open_;
    std::map<std::string, std::vector<std::string>> replies_;
    std::map<std::string, JudgeReply> failed_;
    std::string started_;
    bool interrupted_ = false;
    Mutex mutex_;
    Condition ended_;
    std::size_t next_ GUARDED_BY(mutex_) = 0;
    std::size_t running_ GUARDED_BY(mutex_) = 0;
    JudgeProgress progress_ GUARDED_BY(mutex_);  // without the bill
    std::map<std::string, std::size_t> failures_ GUARDED_BY(mutex_);
    std::exception_ptr thrown_ GUARDED_BY(mutex_);
};

}  // namespace

JudgeSummary run_judges(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options) {
    check(tasks, options);
    return JudgeRun(tasks, options).run();
}

ImportedReplies import_replies(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options,
                               const std::function<std::optional<KeyedReply>()>& next) {
    check(tasks, options);
    return JudgeRun(tasks, options).take_all(next);
}

std::vector<OpenJudgement> open_judgements(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options) {
    check(tasks, options);
    std::set<std::string> recorded;
    if (!options.folder.empty()) recorded = recorded_keys(options.folder);
    std::vector<OpenJudgement> open;
    for (const JudgeJob& job : make_jobs(tasks, options.judges)) {
        if (recorded.contains(job.key)) continue;
        open.push_back({job.key, job.task, static_cast<std::size_t>(job.seat - options.judges.data())});
    }
    return open;
}

JudgeEstimate estimate_run(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options) {
    check(tasks, options);
    JudgeEstimate estimate;
    const std::set<std::string> recorded = recorded_keys(options.folder);
    for (const JudgeJob& job : make_jobs(tasks, options.judges)) {
        if (recorded.contains(job.key)) {
            ++estimate.recorded;
            continue;
        }
        const JudgeRequest request = make_request(*job.task);
        const Json schema = sent_schema(*job.task->rubric);
        ++estimate.requests;
        estimate.prompt_tokens += job.seat->judge->count_tokens(request, schema);
        estimate.most_completion_tokens += options.max_tokens;
        estimate.most_cost += most_cost(*job.seat, request, schema, options.max_tokens).value_or(0);
    }
    for (const JudgeSeat& seat : options.judges) {
        if (!seat.price) estimate.unpriced.push_back(seat.judge->name());
    }
    return estimate;
}

}  // namespace urial::eval

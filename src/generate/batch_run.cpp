#include "generate/batch_run.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "generate/record.h"
#include "generate/run_identity.h"
#include "generate/run_records.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kFormat = "urial.generate/1";

/// Beside `id` and `instruction`: what a record says of its answer, whatever the input has under these names.
const FieldNames kReserved{"sample",  "key",       "output",    "finish_reason", "prompt_tokens", "completion_tokens",
                           "seconds", "generator", "retrieved", "token_ids",     "near_ties",     "error"};

/// One answer to be written: an instruction and the number of the sample.
struct Task {
    const Instruction* instruction;
    int sample;
    std::string key;  // hash of everything that decides the answer; identifies the record
};

std::string task_key(const std::string& identity_hash, const Instruction& instruction, int sample) {
    ordered_json content{{"run", identity_hash}, {"id", instruction.id}, {"sample", sample}};
    for (const prompt::Turn& turn : instruction.conversation.turns) {
        content["turns"].push_back({turn.query, turn.answer});
    }
    content["query"] = instruction.conversation.query;
    if (!instruction.conversation.system.empty()) content["system"] = instruction.conversation.system;
    return sha256_hex(content.dump()).substr(0, 16);
}

std::vector<Task> tasks_of(const ordered_json& identity, const std::vector<Instruction>& instructions, int samples) {
    const std::string run_hash = hash_of_identity(identity);
    std::vector<Task> tasks;
    for (const Instruction& instruction : instructions) {
        for (int sample = 0; sample < samples; ++sample) {
            tasks.push_back({&instruction, sample, task_key(run_hash, instruction, sample)});
        }
    }
    return tasks;
}

std::set<std::string> keys_of(const std::vector<Task>& tasks) {
    std::set<std::string> keys;
    for (const Task& task : tasks) keys.insert(task.key);
    return keys;
}

/// Ids of the items that have none of their own.
std::set<std::string> ids_by_position(const std::vector<Task>& tasks) {
    std::set<std::string> ids;
    for (const Task& task : tasks) {
        if (!has_id(task.instruction->fields)) ids.insert(task.instruction->id);
    }
    return ids;
}

Question question_of(const Task& task, const BatchOptions& options) {
    Question question;
    question.id = std::stoull(task.key, nullptr, 16);
    question.conversation = task.instruction->conversation;
    question.sampling = options.sampling;
    question.overflow = options.overflow;
    return question;
}

void check_samples(const BatchOptions& options) {
    check(options.sampling);
    if (options.samples < 1) throw error(ErrorKind::BadInput, "samples is {}: it must be 1 or more", options.samples);
    if (options.samples > 1 && options.sampling.temperature == 0) {
        throw error(ErrorKind::BadInput, "{} samples at temperature 0 would all be the same: set a temperature above 0",
                    options.samples);
    }
}

class BatchRun {
public:
    BatchRun(Answerer& answerer, const std::vector<Instruction>& instructions, const BatchOptions& options)
        : answerer_(answerer),
          options_(options),
          identity_(run_identity(answerer.identity(), options)),
          generator_(options.generator.empty() ? answerer.generator() : options.generator),
          records_({options.output, manifest_path(options.output), std::string(kFormat), "file",
                    "was made by other settings"},
                   options.overwrite ? Existing::Replace : Existing::Continue) {
        tasks_ = tasks_of(identity_, instructions, options.samples);
        for (const Task& task : tasks_) summary_.keys.push_back(task.key);
        summary_.progress.total = tasks_.size();
    }

    BatchSummary run() {
        if (records_.has_records()) resume();
        say_what_is_not_carried();
        const bool was_complete = tasks_.empty();
        if (!was_complete) answer();
        records_.sync();
        if (records_.has_begun() || was_complete) write_manifest(/*finished=*/!summary_.interrupted);
        report_progress();
        return summary_;
    }

private:
    void notice(std::string_view text) const {
        if (options_.notice) options_.notice(text);
    }

    void resume() {
        EarlierRecords earlier(options_.output.string(), keys_of(tasks_), ids_by_position(tasks_));
        const Repairs repairs =
            records_.resume(identity_, [&](const ordered_json& record) { return earlier.add(record); });
        identity_ = with_served(identity_, records_.manifest()["identity"]);
        for (const std::string& text : notices(repairs, options_.output, "answered again")) notice(text);
        for (const std::string& text : earlier.notices(generator_)) {
            notice(fmt::format("{}: {}", options_.output.string(), text));
        }
        if (earlier.others() > 0) {
            notice(fmt::format("{}: {} records are of other items; they stay", options_.output.string(),
                               earlier.others()));
        }
        std::erase_if(tasks_, [&](const Task& task) { return earlier.has(task.key); });
        const std::string change = answerer_.change_since(records_.manifest());
        if (!change.empty() && !tasks_.empty()) notice(fmt::format("{}: {}", options_.output.string(), change));
        summary_.resumed = summary_.progress.total - tasks_.size();
        summary_.progress.done = summary_.resumed;
        if (summary_.resumed > 0) {
            notice(fmt::format("resuming: {} of {} answers are there", summary_.resumed, summary_.progress.total));
        }
    }

    void say_what_is_not_carried() const {
        std::set<std::string> names;
        for (const Task& task : tasks_) {
            for (std::string& name : reserved_fields(task.instruction->fields, kReserved)) {
                names.insert(std::move(name));
            }
        }
        if (names.empty()) return;
        notice(fmt::format("not carried over from the input, because records have fields of these names: {}",
                           fmt::join(names, ", ")));
    }

    /// From here on files change: everything that can be wrong with the run as a whole is known by now.
    void begin() {
        if (records_.has_begun()) return;
        records_.begin();
        write_manifest(/*finished=*/false);
    }

    void write_manifest(bool finished) {
        if (started_.empty()) started_ = timestamp();
        ordered_json manifest{{"format", kFormat}, {"urial", URIAL_VERSION}};
        manifest.update(answerer_.circumstances());
        // Whoever finds all answers there has computed none.
        if (manifest.contains("threads")) manifest["threads"] = records_.threads(manifest["threads"].get<int>());
        manifest.update({{"records_file", options_.output.filename().string()},
                         {"identity", identity_},
                         {"generator", generator_},
                         {"origin", options_.origin},
                         {"started", started_},
                         {"finished", finished ? ordered_json(timestamp()) : ordered_json()},
                         {"records", summary_.progress.done},
                         {"failed", summary_.progress.failed},
                         {"total", summary_.progress.total}});
        write_file_atomic(manifest_path(options_.output), manifest.dump(2) + "\n");
    }

    /// What cannot be asked is recorded as failed.
    void answer() {
        answerer_.check(options_.sampling);
        bool any = false;
        for (const Task& task : tasks_) {
            try {
                answerer_.submit(question(task));
                any = true;
            } catch (const Error& failure) {
                record_failure(task, failure.what());
            }
        }
        if (!any) return;
        try {
            answerer_.prepare();
            begin();
            collect();
        } catch (const engine::Cancelled&) {
            summary_.interrupted = true;
        }
    }

    Question question(const Task& task) {
        Question question = question_of(task, options_);
        question.on_done = [this, task](Answer&& answer) { record(task, answer); };
        return question;
    }

    void collect() {
        const std::uint64_t before = answerer_.generated_tokens();
        started_at_ = Clock::now();
        while (answerer_.step()) {
            summary_.progress.tokens = answerer_.generated_tokens() - before;
            report_progress();
            records_.sync_now_and_then();
            if (options_.interrupted && options_.interrupted()) {
                summary_.interrupted = true;
                return;
            }
        }
    }

    void record(const Task& task, const Answer& answer) {
        if (answer.dropped_turns > 0) {
            notice(fmt::format("item {}: the oldest {} turns were dropped to fit the context", task.instruction->id,
                               answer.dropped_turns));
        }
        const Result& result = answer.result;
        if (result.finish == FinishReason::Cancelled) {
            summary_.interrupted = true;
        } else if (result.failure) {
            record_failure(task, result.failure->what());
        } else {
            record_answer(task, answer);
        }
    }

    void report_progress() {
        if (started_at_) summary_.progress.seconds = std::chrono::duration<double>(Clock::now() - *started_at_).count();
        if (options_.progress) options_.progress(summary_.progress);
    }

    ordered_json start_record(const Task& task) const {
        const Instruction& instruction = *task.instruction;
        ordered_json record{
            {"id", has_id(instruction.fields) ? instruction.fields["id"] : ordered_json(std::stoull(instruction.id))},
            {"instruction", instruction.conversation.query}};
        carry_over(record, instruction.fields, kReserved);
        if (options_.samples > 1) record["sample"] = task.sample;
        record["key"] = task.key;
        return record;
    }

    void record_answer(const Task& task, const Answer& answer) {
        const Result& result = answer.result;
        ordered_json record = start_record(task);
        record["output"] = result.text;
        record["finish_reason"] = name(result.finish);
        if (answer.is_counted) {
            record["prompt_tokens"] = result.prompt_tokens;
            record["completion_tokens"] = result.completion_tokens;
        }
        if (answer.is_timed) record["seconds"] = result.seconds;
        record["generator"] = generator_;
        if (!answer.retrieved.is_null()) record["retrieved"] = answer.retrieved;
        if (options_.token_ids) record["token_ids"] = result.token_ids;
        if (!result.near_ties.empty()) {
            ordered_json ties = ordered_json::array();
            for (const NearTie& tie : result.near_ties) ties.push_back({tie.position, tie.gap});
            record["near_ties"] = std::move(ties);
        }
        append(record);
        ++summary_.progress.done;
    }

    void record_failure(const Task& task, std::string_view reason) {
        begin();
        ordered_json record = start_record(task);
        record["output"] = nullptr;
        record["error"] = reason;
        record["generator"] = generator_;
        append(record);
        ++summary_.progress.failed;
    }

    void append(const ordered_json& record) {
        records_.append(record);
        if (options_.recorded) options_.recorded(record);
    }

    Answerer& answerer_;
    const BatchOptions& options_;
    ordered_json identity_;
    std::string generator_;
    RunRecords records_;
    std::vector<Task> tasks_;
    BatchSummary summary_;
    std::string started_;
    std::optional<Clock::time_point> started_at_;
};

}  // namespace

BatchSummary run_batch(Answerer& answerer, const std::vector<Instruction>& instructions, const BatchOptions& options) {
    check_samples(options);
    return BatchRun(answerer, instructions, options).run();
}

ordered_json run_identity(ordered_json answerer_identity, const BatchOptions& options) {
    answerer_identity["sampling"] = describe_sampling(options.sampling);
    answerer_identity["samples"] = options.samples;
    answerer_identity["overflow"] = options.overflow == Overflow::Error ? "error" : "drop-oldest";
    return answerer_identity;
}

std::vector<Question> open_questions(const ordered_json& answerer_identity,
                                     const std::vector<Instruction>& instructions, const BatchOptions& options) {
    check_samples(options);
    const ordered_json identity = run_identity(answerer_identity, options);
    std::vector<Task> tasks = tasks_of(identity, instructions, options.samples);
    if (!options.output.empty()) {
        EarlierRecords earlier(options.output.string(), keys_of(tasks), ids_by_position(tasks));
        for_each_written_line(options.output, [&](std::size_t, ordered_json&& record) { earlier.add(record); });
        std::erase_if(tasks, [&](const Task& task) { return earlier.has(task.key); });
    }
    std::vector<Question> questions;
    for (const Task& task : tasks) questions.push_back(question_of(task, options));
    return questions;
}

fs::path manifest_path(const fs::path& output) {
    fs::path path = output;
    return path.replace_extension(".manifest.json");
}

void write_array(ArrayFormat format, const fs::path& records, const std::vector<std::string>& keys,
                 const fs::path& output) {
    std::map<std::string, ordered_json> by_key;
    for_each_json_line(records, [&](std::size_t, ordered_json&& record) {
        if (is_failure(record)) return;
        const auto key = record.at("key").get<std::string>();
        by_key.emplace(key, std::move(record));
    });
    ordered_json array = ordered_json::array();
    for (const std::string& key : keys) {
        const auto found = by_key.find(key);
        if (found == by_key.end()) continue;
        const ordered_json& record = found->second;
        ordered_json entry;
        if (format == ArrayFormat::JustEval) entry["id"] = record.at("id");
        entry["instruction"] = record.at("instruction");
        for (const char* carried : {"source_id", "dataset", "category"}) {
            if (record.contains(carried)) entry[carried] = record[carried];
        }
        entry["output"] = record.at("output");
        entry["generator"] = record.at("generator");
        array.push_back(std::move(entry));
    }
    write_file_atomic(output, array.dump(2) + "\n");
}

}  // namespace urial::generate

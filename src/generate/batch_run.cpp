#include "generate/batch_run.h"

#include <algorithm>
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
#include "base/parallel.h"
#include "generate/record.h"
#include "generate/run_identity.h"
#include "generate/run_records.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kFormat = "urial.generate/1";
/// Cells beyond this are not taken by default: 64 Ki cells of Gemma 3 270M are 1.2 GB.
constexpr std::size_t kMostContextTokens = 65536;
/// Prompt rows that ride along with one step's decoding rows. More would delay the writers for no gain in rate.
constexpr int kBatchRows = 256;

/// Beside `id` and `instruction`: what a record says of its answer, whatever the input has under these names.
const FieldNames kReserved{"sample",  "key",       "output",    "finish_reason", "prompt_tokens", "completion_tokens",
                           "seconds", "generator", "token_ids", "near_ties",     "error"};

ordered_json describe(const SamplingOptions& sampling) {
    return {{"temperature", sampling.temperature},
            {"top_p", sampling.top_p},
            {"top_k", sampling.top_k},
            {"min_p", sampling.min_p},
            {"repetition_penalty", sampling.repetition_penalty},
            {"seed", sampling.seed},
            {"max_tokens", sampling.max_tokens},
            {"stop", sampling.stop}};
}

/// What decides the answers: a records file may only be continued by a run that agrees in all of it.
ordered_json identity(const PreparedPrompt& prompt, const BatchOptions& options) {
    const engine::ModelInfo& info = prompt.model().info();
    ordered_json adapters = ordered_json::array();
    for (const engine::AdapterInfo& adapter : info.adapters) {
        adapters.push_back({{"file", adapter.file_name}, {"sha256", adapter.content_hash}, {"scale", adapter.scale}});
    }
    const std::string constant = prompt::render_prefix(prompt.spec());
    const std::string form = prompt::format_spec(prompt.spec());
    return {{"model", {{"name", info.name}, {"description", info.description}, {"sha256", info.content_hash}}},
            {"adapters", adapters},
            {"prompt",
             {{"name", prompt.spec().name},
              {"version", prompt.spec().version},
              {"sha256", sha256_hex(form)},
              {"prefix_tokens", prompt.prefix().size()},
              {"text", constant}}},
            {"sampling", describe(options.sampling)},
            {"samples", options.samples},
            {"overflow", options.overflow == Overflow::Error ? "error" : "drop-oldest"}};
}

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

class BatchRun {
public:
    BatchRun(const PreparedPrompt& prompt, const std::vector<Instruction>& instructions, const BatchOptions& options)
        : prompt_(prompt),
          options_(options),
          identity_(identity(prompt, options)),
          generator_(options.generator.empty() ? generator_name(prompt.model().info(), prompt.spec())
                                               : options.generator),
          records_({options.output, manifest_path(options.output), std::string(kFormat), "file",
                    "was made by other settings"},
                   options.overwrite ? Existing::Replace : Existing::Continue) {
        const std::string run_hash = sha256_hex(identity_.dump());
        for (const Instruction& instruction : instructions) {
            for (int sample = 0; sample < options.samples; ++sample) {
                tasks_.push_back({&instruction, sample, task_key(run_hash, instruction, sample)});
            }
        }
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
        EarlierRecords earlier(options_.output.string(), {summary_.keys.begin(), summary_.keys.end()},
                               ids_by_position());
        const Repairs repairs =
            records_.resume(identity_, [&](const ordered_json& record) { return earlier.add(record); });
        for (const std::string& text : notices(repairs, options_.output, "answered again")) notice(text);
        for (const std::string& text : earlier.notices(generator_)) {
            notice(fmt::format("{}: {}", options_.output.string(), text));
        }
        if (earlier.others() > 0) {
            notice(fmt::format("{}: {} records are of other items; they stay", options_.output.string(),
                               earlier.others()));
        }
        std::erase_if(tasks_, [&](const Task& task) { return earlier.has(task.key); });
        const std::string change = change_of_arithmetic(records_.manifest(), prompt_.model().info().arithmetic,
                                                        thread_count(options_.session.threads));
        if (!change.empty() && !tasks_.empty()) notice(fmt::format("{}: {}", options_.output.string(), change));
        summary_.resumed = summary_.progress.total - tasks_.size();
        summary_.progress.done = summary_.resumed;
        if (summary_.resumed > 0) {
            notice(fmt::format("resuming: {} of {} answers are there", summary_.resumed, summary_.progress.total));
        }
    }

    /// Of the items that have none of their own.
    std::set<std::string> ids_by_position() const {
        std::set<std::string> ids;
        for (const Task& task : tasks_) {
            if (!has_id(task.instruction->fields)) ids.insert(task.instruction->id);
        }
        return ids;
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
        const engine::EngineBuild build = engine::engine_build();
        ordered_json manifest{
            {"format", kFormat},
            {"urial", URIAL_VERSION},
            {"engine", {{"version", build.version}, {"commit", build.commit}, {"cpu", build.cpu_features}}},
            {"arithmetic", engine::name(prompt_.model().info().arithmetic)},
            {"arithmetic_version", engine::kArithmeticVersion},
            {"records_file", options_.output.filename().string()},
            {"identity", identity_},
            {"generator", generator_},
            {"origin", options_.origin},
            {"threads", records_.threads(thread_count(options_.session.threads))},
            {"parallel", sequences_},
            {"context_tokens", context_tokens_},
            {"batch_rows", kBatchRows},
            {"started", started_},
            {"finished", finished ? ordered_json(timestamp()) : ordered_json()},
            {"records", summary_.progress.done},
            {"failed", summary_.progress.failed},
            {"total", summary_.progress.total}};
        write_file_atomic(manifest_path(options_.output), manifest.dump(2) + "\n");
    }

    /// The requests, fitted into the context; what cannot fit is recorded as failed.
    void answer() {
        const std::size_t prefix = prompt_.prefix().size();
        const auto reserve = static_cast<std::size_t>(options_.sampling.max_tokens);
        const std::size_t room = options_.context_tokens > 0
                                     ? static_cast<std::size_t>(options_.context_tokens)
                                     : static_cast<std::size_t>(prompt_.model().info().training_context);
        if (prefix + reserve >= room) {
            throw error(
                ErrorKind::ContextFull,
                "the prompt {} has {} constant tokens and an answer may take {}: no room in a context of {}; use a "
                "shorter prompt, fewer new tokens or a model with a larger context",
                prompt_.spec().name, prefix, reserve, room);
        }
        std::vector<Request> requests;
        std::vector<std::size_t> needs;
        for (Task& task : tasks_) {
            try {
                FittedConversation fitted =
                    fit(prompt_, task.instruction->conversation, room, reserve, options_.overflow);
                if (fitted.dropped_turns > 0) {
                    notice(fmt::format("item {}: the oldest {} turns were dropped to fit the context",
                                       task.instruction->id, fitted.dropped_turns));
                }
                requests.push_back(make_request(task, std::move(fitted)));
                // Whether a part of the prefix can be shared is the session's to say, and it is made after this.
                const std::vector<Token>& tokens = requests.back().tokens;
                const std::size_t shared = prompt_.shared_length(tokens) == prefix ? prefix : 0;
                needs.push_back(tokens.size() - shared + reserve);
            } catch (const Error& failure) {
                record_failure(task, failure.what());
            }
        }
        if (requests.empty()) return;
        try {
            run_requests(std::move(requests), session_options(std::move(needs), prefix));
        } catch (const engine::Cancelled&) {
            summary_.interrupted = true;
        }
    }

    engine::SessionOptions session_options(std::vector<std::size_t> needs, std::size_t prefix) {
        std::sort(needs.rbegin(), needs.rend());
        sequences_ = static_cast<int>(std::min<std::size_t>(needs.size(), static_cast<std::size_t>(options_.parallel)));
        std::size_t cells = prefix;
        for (int i = 0; i < sequences_; ++i) cells += needs[static_cast<std::size_t>(i)];
        cells = std::max(prefix + needs[0], std::min(cells, kMostContextTokens));
        context_tokens_ = cells;
        engine::SessionOptions session = options_.session;
        session.sequences = sequences_;
        session.context_tokens = static_cast<int>(cells);
        session.batch_rows = kBatchRows;
        return session;
    }

    Request make_request(const Task& task, FittedConversation&& fitted) {
        Request request;
        request.id = std::stoull(task.key, nullptr, 16);
        request.tokens = std::move(fitted.tokens);
        request.sampling = options_.sampling;
        request.answer_form = prompt::answer_form(prompt_.spec());
        request.on_done = [this, task](Result&& result) {
            if (result.finish == FinishReason::Cancelled) {
                summary_.interrupted = true;
            } else if (result.failure) {
                record_failure(task, result.failure->what());
            } else {
                record_answer(task, result);
            }
        };
        return request;
    }

    void run_requests(std::vector<Request> requests, const engine::SessionOptions& session_options) {
        const std::unique_ptr<engine::Session> session = prompt_.model().new_session(session_options);
        session->pin(prompt_.prefix());
        begin();
        Scheduler scheduler(prompt_.model(), *session);
        for (Request& request : requests) scheduler.submit(std::move(request));
        started_at_ = Clock::now();
        while (scheduler.step()) {
            summary_.progress.tokens = scheduler.generated_tokens();
            report_progress();
            records_.sync_now_and_then();
            if (options_.interrupted && options_.interrupted()) {
                summary_.interrupted = true;
                return;
            }
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

    void record_answer(const Task& task, const Result& result) {
        ordered_json record = start_record(task);
        record["output"] = result.text;
        record["finish_reason"] = name(result.finish);
        record["prompt_tokens"] = result.prompt_tokens;
        record["completion_tokens"] = result.completion_tokens;
        record["seconds"] = result.seconds;
        record["generator"] = generator_;
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

    const PreparedPrompt& prompt_;
    const BatchOptions& options_;
    ordered_json identity_;
    std::string generator_;
    RunRecords records_;
    std::vector<Task> tasks_;
    BatchSummary summary_;
    std::string started_;
    std::optional<Clock::time_point> started_at_;
    int sequences_ = 0;
    std::size_t context_tokens_ = 0;
};

}  // namespace

BatchSummary run_batch(const PreparedPrompt& prompt, const std::vector<Instruction>& instructions,
                       const BatchOptions& options) {
    check(options.sampling);
    if (options.samples < 1) throw error(ErrorKind::BadInput, "samples is {}: it must be 1 or more", options.samples);
    if (options.parallel < 1)
        throw error(ErrorKind::BadInput, "parallel is {}: it must be 1 or more", options.parallel);
    if (options.samples > 1 && options.sampling.temperature == 0) {
        throw error(ErrorKind::BadInput, "{} samples at temperature 0 would all be the same: set a temperature above 0",
                    options.samples);
    }
    return BatchRun(prompt, instructions, options).run();
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

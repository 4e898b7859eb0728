#include "app/mt_bench_run.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_stream.h"

namespace urial::app {
namespace {

using nlohmann::ordered_json;

/// The user's text of a turn, from 0.
const std::string& question_of(const eval::Item& item, std::size_t turn) {
    return turn == 0 ? item.instruction : item.follow_ups[turn - 1];
}

std::size_t turns_of(const eval::Item& item) { return 1 + item.follow_ups.size(); }

/// A number where the file may have had one: tools that compare ids expect it back.
ordered_json id_of(const eval::Item& item) {
    std::uint64_t number = 0;
    const char* end = item.id.data() + item.id.size();
    const auto [stop, failure] = std::from_chars(item.id.data(), end, number);
    const bool is_number = failure == std::errc() && stop == end && std::to_string(number) == item.id;
    return is_number ? ordered_json(number) : ordered_json(item.id);
}

class MtBenchRun {
public:
    MtBenchRun(generate::Answerer& answerer, const std::vector<eval::Item>& questions,
               const generate::BatchOptions& options)
        : answerer_(answerer), questions_(questions), options_(options), outputs_(questions.size()) {
        for (const eval::Item& item : questions) most_turns_ = std::max(most_turns_, turns_of(item));
        for (const eval::Item& item : questions) summary_.progress.total += turns_of(item);
    }

    MtBenchSummary run() {
        refuse_foreign_output();
        for (std::size_t turn = 0; turn < most_turns_ && !summary_.interrupted; ++turn) answer(turn);
        summary_.progress.failed = summary_.interrupted ? 0 : summary_.progress.total - summary_.progress.done;
        if (!summary_.interrupted) write_answers();
        return summary_;
    }

private:
    void refuse_foreign_output() const {
        const bool is_ours = fs::exists(generate::manifest_path(turn_path(options_.output, 1)));
        std::error_code none;
        if (is_ours || !fs::exists(options_.output) || fs::file_size(options_.output, none) == 0) return;
        throw error(ErrorKind::BadInput,
                    "{} is there and is not the output of such a run; name another file, or remove it",
                    options_.output.string());
    }

    void answer(std::size_t turn) {
        std::vector<generate::Instruction> instructions;
        for (std::size_t i = 0; i < questions_.size(); ++i) {
            if (turns_of(questions_[i]) > turn && outputs_[i].size() == turn) {
                instructions.push_back(instruction_of(questions_[i], outputs_[i]));
            }
        }
        if (instructions.empty()) return;
        generate::BatchOptions options = options_;
        options.output = turn_path(options_.output, turn + 1);
        options.origin["turn"] = turn + 1;
        const generate::BatchProgress before = summary_.progress;
        options.progress = [&](const generate::BatchProgress& now) { report(before, now); };
        const generate::BatchSummary summary = generate::run_batch(answerer_, instructions, options);
        report(before, summary.progress);
        summary_.resumed += summary.resumed;
        if (summary.progress.failed > 0 && summary_.failures.empty()) summary_.failures = options.output;
        summary_.interrupted = summary.interrupted;
        if (fs::exists(options.output)) read_outputs(options.output, turn);  // not where it was interrupted at once
    }

    /// The conversation so far, with the next question.
    static generate::Instruction instruction_of(const eval::Item& item, const std::vector<std::string>& answers) {
        generate::Instruction instruction;
        instruction.id = item.id;
        for (std::size_t turn = 0; turn < answers.size(); ++turn) {
            instruction.conversation.turns.push_back({question_of(item, turn), answers[turn]});
        }
        instruction.conversation.query = question_of(item, answers.size());
        instruction.fields = {{"id", id_of(item)}};
        if (!item.category.empty()) instruction.fields["category"] = item.category;
        if (!answers.empty()) instruction.fields["earlier_outputs"] = answers;
        return instruction;
    }

    void report(const generate::BatchProgress& before, const generate::BatchProgress& now) {
        summary_.progress.done = before.done + now.done;
        summary_.progress.tokens = before.tokens + now.tokens;
        summary_.progress.seconds = before.seconds + now.seconds;
        if (options_.progress) options_.progress(summary_.progress);
    }

    /// The last record of a question counts whose question and earlier answers are those of this run: records of an
    /// earlier state of the input stay in the file.
    void read_outputs(const std::filesystem::path& records, std::size_t turn) {
        std::map<std::string, std::size_t> index;
        for (std::size_t i = 0; i < questions_.size(); ++i) index.emplace(id_of(questions_[i]).dump(), i);
        const std::vector<std::vector<std::string>> earlier = outputs_;
        for_each_json_line(records, [&](std::size_t, ordered_json&& record) {
            const auto found = index.find(record["id"].dump());
            if (found == index.end() || !record["output"].is_string()) return;
            const std::size_t i = found->second;
            const auto said = record.value("earlier_outputs", std::vector<std::string>());
            if (turns_of(questions_[i]) <= turn || earlier[i].size() != turn || said != earlier[i] ||
                record["instruction"] != question_of(questions_[i], turn)) {
                return;
            }
            outputs_[i].resize(turn);
            outputs_[i].push_back(record["output"].get<std::string>());
            generator_ = record["generator"].get<std::string>();
        });
    }

    void write_answers() const {
        std::string lines;
        for (std::size_t i = 0; i < questions_.size(); ++i) {
            const eval::Item& item = questions_[i];
            if (outputs_[i].size() < turns_of(item)) continue;
            ordered_json line{{"question_id", id_of(item)}};
            if (!item.category.empty()) line["category"] = item.category;
            for (std::size_t turn = 0; turn < turns_of(item); ++turn) line["turns"].push_back(question_of(item, turn));
            if (!item.references.empty()) line["reference"] = item.references;
            line["outputs"] = outputs_[i];
            line["generator"] = generator_;
            lines += line.dump() + "\n";
        }
        write_file_atomic(options_.output, lines);
    }

    generate::Answerer& answerer_;
    const std::vector<eval::Item>& questions_;
    const generate::BatchOptions& options_;
    std::size_t most_turns_ = 1;
    std::vector<std::vector<std::string>> outputs_;  // of every question, one per answered turn
    std::string generator_;
    MtBenchSummary summary_;
};

}  // namespace

bool is_mt_bench(const std::filesystem::path& path) {
    struct Seen {};  // the first value is enough
    bool found = false;
    try {
        for_each_json_value(path, [&](std::size_t, ordered_json&& first) {
            found = first.is_object() && first.contains("turns") && !first.contains("instruction") &&
                    !first.contains("messages");
            throw Seen{};
        });
    } catch (const Seen&) {
    } catch (const Error&) {
    }
    return found;
}

std::vector<eval::Item> read_mt_bench(const std::filesystem::path& path, std::size_t limit,
                                      const generate::Shard& shard) {
    std::vector<eval::Item> all = eval::load_items(path);
    const std::size_t total = all.size();
    std::vector<eval::Item> questions = generate::select(std::move(all), limit, shard);
    if (questions.empty()) {
        throw error(ErrorKind::BadInput, "{}: no question is left of {} (shard {}/{})", path.string(), total,
                    shard.index, shard.count);
    }
    return questions;
}

std::filesystem::path turn_path(const std::filesystem::path& output, std::size_t turn) {
    constexpr std::string_view kEnd = ".jsonl";
    std::string stem = output.string();
    if (stem.ends_with(kEnd)) stem.resize(stem.size() - kEnd.size());
    return stem + fmt::format(".turn-{}.jsonl", turn);
}

MtBenchSummary run_mt_bench(generate::Answerer& answerer, const std::vector<eval::Item>& questions,
                            const generate::BatchOptions& options) {
    if (options.samples != 1) {
        throw error(ErrorKind::BadInput, "{} samples of a conversation: with --mt-bench every turn has one answer",
                    options.samples);
    }
    return MtBenchRun(answerer, questions, options).run();
}

}  // namespace urial::app

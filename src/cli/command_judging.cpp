// `urial judge score`, `pairwise`, `tags` and `mt-bench`: which question is put to the judges about what.

#include <memory>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "cli/judge_flags.h"
#include "command_line/command_tree.h"
#include "eval/eval.h"
#include "shift/shift.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

struct JudgingCommand {
    JudgeFlags flags;
    std::string rubric;
    std::string file;  ///< as typed
    std::string other_file;
    std::string path;  ///< where its content is
    std::string other_path;
};

eval::Json origin_of(std::string_view kind, const JudgingCommand& command) {
    eval::Json origin{{"command", kind}};
    origin["files"] = eval::Json::array();
    for (const auto& [file, path] : {std::pair{command.file, command.path}, {command.other_file, command.other_path}}) {
        if (!file.empty()) origin["files"].push_back({{"name", file}, {"sha256", sha256_file(path)}});
    }
    const JudgeFlags& flags = command.flags;
    if (!flags.items.where.empty()) origin["where"] = flags.items.where;
    if (flags.limit > 0) origin["limit"] = flags.limit;
    if (!flags.items.ids.empty()) {
        origin["subset"] = eval::Json{{"ids", flags.items.ids}, {"name", flags.items.subset_name()}};
    }
    return origin;
}

/// The records of a run of `urial shift` where its folder is named.
std::string answers_file(const std::string& path) {
    return fs::is_directory(path) && fs::exists(shift::records_file(path)) ? shift::records_file(path).string() : path;
}

/// Who gave answers that do not say it: the file, or the folder of a run.
std::string generator_of(const fs::path& file) {
    const bool is_record = file.filename() == shift::records_file({}).filename() && file.has_parent_path();
    return is_record ? file.parent_path().filename().string() : file.stem().string();
}

/// Nothing where no file of tags is given.
std::optional<eval::ItemIndex> load_tags(const JudgeFlags& flags) {
    if (flags.tags.empty()) return std::nullopt;
    return eval::ItemIndex(eval::load_items(flags.tags));
}

void add_tags(std::vector<eval::AnsweredItem>& answers, const eval::ItemIndex& items, const JudgeFlags& flags,
              const Context& context) {
    const auto untagged =
        std::ranges::count_if(answers, [&](eval::AnsweredItem& answered) { return !items.complete(answered.item); });
    if (untagged > 0) {
        context.terminal.warn(
            fmt::format("{}: has no item for {} of {} answers", flags.tags, untagged, answers.size()));
    }
}

/// Answers whose file does not say who gave them are named after it. Records of answers that failed to be written
/// are no answers.
std::vector<eval::AnsweredItem> load_answers(const std::string& file, const std::optional<eval::ItemIndex>& tags,
                                             const JudgeFlags& flags, const Context& context) {
    eval::LoadedAnswers loaded = eval::load_answers(file);
    if (loaded.failed > 0) {
        context.terminal.warn(fmt::format("{}: {} records have an error in the place of an answer; they are left out",
                                          file, loaded.failed));
    }
    if (loaded.repeated > 0) {
        context.terminal.warn(
            fmt::format("{}: {} records stand there more than once; each counts once", file, loaded.repeated));
    }
    if (tags) add_tags(loaded.answers, *tags, flags, context);
    std::vector<eval::AnsweredItem> answers =
        eval::keep(std::move(loaded.answers), make_filter(flags),
                   [](const eval::AnsweredItem& answered) -> const eval::Item& { return answered.item; });
    for (eval::AnsweredItem& answered : answers) {
        if (answered.answer.generator.empty()) answered.answer.generator = generator_of(file);
    }
    return answers;
}

eval::Rubric load_rubric(const std::string& name, std::initializer_list<eval::RubricKind> kinds,
                         std::string_view command) {
    eval::Rubric rubric = eval::load_rubric(name);
    if (std::ranges::find(kinds, rubric.kind) == kinds.end()) {
        throw error(ErrorKind::BadInput, "the rubric {} is of another kind than `judge {}` needs", name, command);
    }
    return rubric;
}

void run_score(const JudgingCommand& command, Context& context) {
    std::optional<eval::Rubric> rubric;
    if (!command.rubric.empty()) rubric = load_rubric(command.rubric, {eval::RubricKind::Score}, "score");
    const auto tasks = eval::score_tasks(load_answers(command.path, load_tags(command.flags), command.flags, context),
                                         std::move(rubric));
    judge_tasks(tasks, command.flags, origin_of("score", command), context);
}

void run_pairwise(const JudgingCommand& command, Context& context) {
    const eval::Rubric rubric =
        load_rubric(command.rubric, {eval::RubricKind::Pairwise, eval::RubricKind::PairwiseChoices}, "pairwise");
    const std::optional<eval::ItemIndex> tags = load_tags(command.flags);
    const eval::PairTasks pairs =
        eval::pair_tasks(load_answers(command.path, tags, command.flags, context),
                         load_answers(command.other_path, tags, command.flags, context), rubric);
    if (pairs.unpaired > 0) {
        context.terminal.warn(fmt::format("{} answers have no partner in the other file", pairs.unpaired));
    }
    judge_tasks(pairs.tasks, command.flags, origin_of("pairwise", command), context);
}

void run_tags(const JudgingCommand& command, Context& context) {
    const eval::Rubric rubric = load_rubric(command.rubric, {eval::RubricKind::Tags}, "tags");
    const std::vector<eval::Item> items = eval::keep(eval::load_items(command.path), make_filter(command.flags),
                                                     [](const eval::Item& item) -> const eval::Item& { return item; });
    judge_tasks(eval::tag_tasks(items, rubric), command.flags, origin_of("tags", command), context);
}

void run_mt_bench(const JudgingCommand& command, Context& context) {
    const std::vector<eval::AnsweredItem> answers =
        load_answers(command.path, load_tags(command.flags), command.flags, context);
    const auto without = std::ranges::count_if(answers, [](const eval::AnsweredItem& answered) {
        return eval::needs_reference(answered.item.category) && answered.item.references.empty();
    });
    if (without > 0) {
        context.terminal.warn(
            fmt::format("{} questions of math, reasoning and coding have no reference answer: they are "
                        "judged without one",
                        without));
    }
    const auto tasks = eval::mt_bench_tasks(answers);
    judge_tasks(tasks, command.flags, origin_of("mt-bench", command), context);
}

CLI::App* add_command(CLI::App& judge, const std::string& name, const std::string& help,
                      const std::shared_ptr<JudgingCommand>& command, Context& context,
                      void (*run)(const JudgingCommand&, Context&)) {
    CLI::App* added = judge.add_subcommand(name, help);
    added->callback([command, &context, run] {
        if (command->file == terminal::kStandardStream && command->other_file == terminal::kStandardStream) {
            throw Error(ErrorKind::BadInput, "- and -: standard input can be one of the two files only");
        }
        const terminal::InputFile file(answers_file(command->file));
        const terminal::InputFile other(answers_file(command->other_file));
        command->path = file.path().string();
        command->other_path = other.path().string();
        run(*command, context);
    });
    return added;
}

void add_rubric_flag(CLI::App& command, std::string& rubric, const std::string& help) {
    command.add_option("--rubric", rubric, help)
        ->check(suggest(eval::builtin_rubrics()))
        ->type_name("NAME|FILE")
        ->capture_default_str();
}

}  // namespace

void add_judging_commands(CLI::App& judge, Context& context) {
    auto scoring = std::make_shared<JudgingCommand>();
    CLI::App* score =
        add_command(judge, "score", "Score every answer by the aspects of a rubric", scoring, context, run_score);
    score
        ->add_option("answers", scoring->file,
                     "Answers with their instructions, or the folder of a shift run; - is standard input")
        ->type_name("FILE")
        ->required();
    add_rubric_flag(*score, scoring->rubric, "For every item [just-eval; just-eval-safety for safety items]");
    add_judge_flags(*score, scoring->flags, context);
    score->footer(examples({
        {"By a local chat model, without a key",
         "urial judge score answers.jsonl --judge qwen2.5-coder-1.5b-instruct -o runs/local"},
        {"What it would cost, before anything is sent",
         "urial judge score answers.jsonl --judge openai:gpt-4o --prices prices.toml -o runs/gpt --dry-run"},
        {"Two judges, and no more than two dollars",
         "urial judge score a.jsonl --jury openai:gpt-4o,openai:o3 --prices prices.toml --max-cost 2 -o runs/two"},
    }));

    auto comparing = std::make_shared<JudgingCommand>();
    comparing->rubric = "pairwise";
    CLI::App* pairwise = add_command(judge, "pairwise", "Which of two answers is better, asked in both orders",
                                     comparing, context, run_pairwise);
    pairwise->add_option("a", comparing->file, "Answers of one side")->type_name("FILE")->required();
    pairwise->add_option("b", comparing->other_file, "Answers of the other, matched by id")
        ->type_name("FILE")
        ->required();
    add_rubric_flag(*pairwise, comparing->rubric, "A rubric of pairs");
    add_judge_flags(*pairwise, comparing->flags, context);
    pairwise->footer(examples({
        {"Which of two files of answers is better",
         "urial judge pairwise ours.jsonl theirs.jsonl --judge openai:gpt-4o -o runs/pairs"},
        {"By a rubric of your own, with a server of your own",
         "urial judge pairwise a.jsonl b.jsonl --rubric mine.toml --judge http://localhost/v1#m -o runs/mine"},
    }));

    auto tagging = std::make_shared<JudgingCommand>();
    tagging->rubric = "tags";
    CLI::App* tags =
        add_command(judge, "tags", "Sort instructions by task, topic and difficulty", tagging, context, run_tags);
    tags->add_option("items", tagging->file, "Instructions")->type_name("FILE")->required();
    add_rubric_flag(*tags, tagging->rubric, "A rubric of tags");
    add_judge_flags(*tags, tagging->flags, context);
    tags->footer(examples({
        {"Tags for instructions that have none", "urial judge tags questions.jsonl --judge openai:gpt-4o -o runs/tags"},
        {"The first ten, to see what comes",
         "urial judge tags questions.jsonl --judge openai:gpt-4o -o runs/ten --limit 10"},
    }));

    auto benching = std::make_shared<JudgingCommand>();
    CLI::App* mt_bench =
        add_command(judge, "mt-bench", "Score both turns of MT-bench answers", benching, context, run_mt_bench);
    mt_bench->add_option("answers", benching->file, "Answers to both turns")->type_name("FILE")->required();
    add_judge_flags(*mt_bench, benching->flags, context);
    mt_bench->footer(examples({
        {"Answers of `urial generate --mt-bench`",
         "urial judge mt-bench answers.jsonl --judge openai:gpt-4o -o runs/mt-bench"},
        {"Those to the questions of one category",
         "urial judge mt-bench answers.jsonl --judge openai:gpt-4o -o runs/math --where category=math"},
    }));
}

}  // namespace urial::cli

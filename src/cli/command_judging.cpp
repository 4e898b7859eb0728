// `urial judge score`, `pairwise`, `tags` and `mt-bench`: which question is put to the judges about what.

#include <memory>

#include "app/judging.h"
#include "base/error.h"
#include "cli/judge_flags.h"
#include "command_line/command_tree.h"
#include "eval/eval.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

struct JudgingCommand {
    JudgeFlags flags;
    std::string rubric;
    std::string file;
    std::string other_file;
};

void run(app::Judging judging, const JudgingCommand& command, Context& context) {
    if (command.file == terminal::kStandardStream && command.other_file == terminal::kStandardStream) {
        throw Error(ErrorKind::BadInput, "- and -: standard input can be one of the two files only");
    }
    const terminal::InputFile file(app::answers_file(command.file));
    const terminal::InputFile other(app::answers_file(command.other_file));
    app::JudgedFiles files;
    files.answers = {command.file, file.path()};
    files.others = {command.other_file, other.path()};
    files.rubric = command.rubric;
    files.tags = command.flags.tags;
    files.items = command.flags.items;
    const std::vector<eval::JudgeTask> tasks = app::judge_tasks(judging, files, callbacks(context));
    run_jury(tasks, command.flags, app::origin_of(judging, files), context);
}

CLI::App* add_command(CLI::App& judge, const std::string& name, const std::string& help,
                      const std::shared_ptr<JudgingCommand>& command, Context& context, app::Judging judging) {
    CLI::App* added = judge.add_subcommand(name, help);
    added->callback([command, &context, judging] { run(judging, *command, context); });
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
    CLI::App* score = add_command(judge, "score", "Score every answer by the aspects of a rubric", scoring, context,
                                  app::Judging::Score);
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
                                     comparing, context, app::Judging::Pairwise);
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
    CLI::App* tags = add_command(judge, "tags", "Sort instructions by task, topic and difficulty", tagging, context,
                                 app::Judging::Tags);
    tags->add_option("items", tagging->file, "Instructions")->type_name("FILE")->required();
    add_rubric_flag(*tags, tagging->rubric, "A rubric of tags");
    add_judge_flags(*tags, tagging->flags, context);
    tags->footer(examples({
        {"Tags for instructions that have none", "urial judge tags questions.jsonl --judge openai:gpt-4o -o runs/tags"},
        {"The first ten, to see what comes",
         "urial judge tags questions.jsonl --judge openai:gpt-4o -o runs/ten --limit 10"},
    }));

    auto benching = std::make_shared<JudgingCommand>();
    CLI::App* mt_bench = add_command(judge, "mt-bench", "Score both turns of MT-bench answers", benching, context,
                                     app::Judging::MtBench);
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

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/judge_calibrate.h"
#include "cli/judge_flags.h"
#include "eval/eval.h"

namespace urial::cli {
namespace {

struct JudgeCommand {
    std::string rubric;
    std::vector<std::string> files;
    std::string items;
    std::string name = "original";
    std::string output;
    bool schema = false;
    bool force = false;
};

std::vector<fs::path> paths_of(const std::vector<std::string>& files) { return {files.begin(), files.end()}; }

void run_rubrics(const Context& context) {
    eval::Json rows = eval::Json::array();
    std::string table = fmt::format("{:<26} {:>7}  {}\n", "NAME", "ASPECTS", "WHAT IT IS");
    for (const std::string& name : eval::builtin_rubrics()) {
        const eval::Rubric rubric = eval::load_rubric(name);
        eval::Json row{{"name", name}, {"version", rubric.version}, {"description", rubric.description}};
        for (const eval::RubricAspect& aspect : rubric.aspects) row["aspects"].push_back(aspect.name);
        rows.push_back(std::move(row));
        table += fmt::format("{:<26} {:>7}  {}\n", name, rubric.aspects.size(), rubric.description);
    }
    fmt::print("{}", context.json ? json_text(rows) : table);
}

void run_show(const JudgeCommand& command, const Context& context) {
    const eval::Rubric rubric = eval::load_rubric(command.rubric);
    if (command.schema || context.json) {
        fmt::print("{}", json_text(eval::reply_schema(rubric)));
    } else {
        fmt::print("{}", eval::format_rubric(rubric));
    }
}

void write_new_file(const fs::path& path, const std::string& text, bool force) {
    if (!force && fs::exists(path)) {
        throw error(ErrorKind::BadInput, "{}: exists already; name another file, or overwrite it with --force",
                    path.string());
    }
    write_file_atomic(path, text);
}

void run_rubric_import(const JudgeCommand& command, const Context& context) {
    const std::vector<fs::path> files = paths_of(command.files);
    const std::vector<eval::Rubric> rubrics = eval::recover_rubrics(files, command.name);
    if (command.output.empty()) {
        if (rubrics.size() > 1) {
            throw error(ErrorKind::BadInput, "the files hold requests of {} kinds; give a folder with -o",
                        rubrics.size());
        }
        const eval::Rubric& rubric = rubrics.front();
        const std::string text = eval::format_rubric(rubric);
        const eval::Json json{{"name", rubric.name}, {"description", rubric.description}, {"toml", text}};
        fmt::print("{}", context.json ? json_text(json) : text);
        return;
    }
    const bool one_file = command.output.ends_with(".toml");
    if (one_file && rubrics.size() > 1) {
        throw error(ErrorKind::BadInput, "{}: one file, but the requests are of {} kinds; name a folder",
                    command.output, rubrics.size());
    }
    eval::Json written = eval::Json::array();
    for (const eval::Rubric& rubric : rubrics) {
        const fs::path path = one_file ? fs::path(command.output) : fs::path(command.output) / (rubric.name + ".toml");
        write_new_file(path, eval::format_rubric(rubric), command.force);
        written.push_back({{"name", rubric.name}, {"description", rubric.description}, {"output", path.string()}});
        context.terminal.note(fmt::format("{}: {}", path.string(), rubric.description));
    }
    if (context.json) fmt::print("{}", json_text(written));
}

void run_import(const JudgeCommand& command, const Context& context) {
    const std::vector<fs::path> files = paths_of(command.files);
    eval::ImportOptions options;
    if (!command.items.empty()) options.items = command.items;
    const eval::ImportReport report = eval::import_judgements(files, command.output, options);
    if (context.json) {
        const eval::Json json{{"records", report.records}, {"unread", report.unscored}, {"tagged", report.tagged}};
        fmt::print("{}", json_text(json));
    } else {
        fmt::print("{}: {} judgements, {} of them not readable\n", command.output, report.records, report.unscored);
        for (const auto& [mode, count] : report.modes) fmt::print("  {:<26} {:>6}\n", mode, count);
    }
    if (report.tagged < report.records) {
        context.terminal.note(
            fmt::format("{} judgements have no tags: name the file of the instructions with --items to "
                        "get tables by task, topic and source",
                        report.records - report.tagged));
    }
}

CLI::App* add_raw_files(CLI::App& parent, const std::string& name, const std::string& help, JudgeCommand& command) {
    CLI::App* added = parent.add_subcommand(name, help);
    added->add_option("files", command.files, "Raw judgement files of the original authors (.json, .json.gz)")
        ->type_name("FILE")
        ->required();
    return added;
}

void add_rubric_import(CLI::App& judge, Context& context) {
    auto command = std::make_shared<JudgeCommand>();
    CLI::App* rubric = judge.add_subcommand("rubric", "Make rubrics");
    rubric->require_subcommand(1);
    CLI::App* added =
        add_raw_files(*rubric, "import", "Recover a rubric from the requests in raw judgements", *command);
    added->add_option("-o,--output", command->output, "A .toml file, or a folder for several; standard output without")
        ->type_name("PATH");
    added->add_option("--name", command->name, "What the rubric's name begins with")
        ->type_name("NAME")
        ->capture_default_str();
    added->add_flag("--force", command->force, "Overwrite existing files");
    added->footer(examples({
        {"One rubric on standard output", "urial judge rubric import judgements.json > original.toml"},
        {"Several into a folder", "urial judge rubric import judgements/*.json.gz -o rubrics --name paper"},
    }));
    added->callback([command, &context] { run_rubric_import(*command, context); });
}

void add_judgement_import(CLI::App& judge, Context& context) {
    auto command = std::make_shared<JudgeCommand>();
    CLI::App* added =
        add_raw_files(judge, "import", "Turn raw judgements into a run that `urial report` reads", *command);
    added->add_option("-o,--output", command->output, "The run's folder")->type_name("DIR")->required();
    added->add_option("--items", command->items, "The instructions with their tags; may also stand among the files")
        ->type_name("FILE");
    added->footer(examples({
        {"Published judgements as a run", "urial judge import judgements.json.gz -o runs/published"},
        {"With the tags of their instructions",
         "urial judge import judgements.json -o runs/published --items just_eval.json"},
    }));
    added->callback([command, &context] { run_import(*command, context); });
}

}  // namespace

void add_judge_command(CLI::App& app, Context& context) {
    CLI::App* judge = app.add_subcommand("judge", "Let a judge score, compare or tag; rubrics; published judgements");
    judge->require_subcommand(1);
    add_judging_commands(*judge, context);
    CLI::App* rubrics = judge->add_subcommand("rubrics", "The built-in rubrics");
    rubrics->footer(
        examples({{"What there is", "urial judge rubrics"}, {"For a program", "urial judge rubrics --json"}}));
    rubrics->callback([&context] { run_rubrics(context); });
    auto command = std::make_shared<JudgeCommand>();
    CLI::App* show = judge->add_subcommand("show", "Print a rubric, to read or to edit a copy");
    show->add_option("rubric", command->rubric, "A built-in name or a .toml file")
        ->check(suggest(eval::builtin_rubrics()))
        ->type_name("NAME|FILE")
        ->required();
    show->add_flag("--schema", command->schema, "The JSON schema of the reply instead (also with --json)");
    show->footer(examples({
        {"A rubric, to read or to edit a copy", "urial judge show just-eval"},
        {"The JSON that a judge has to reply with", "urial judge show pairwise --schema"},
    }));
    show->callback([command, &context] { run_show(*command, context); });
    add_rubric_import(*judge, context);
    add_judgement_import(*judge, context);
    add_judge_calibrate(*judge, context);
}

}  // namespace urial::cli

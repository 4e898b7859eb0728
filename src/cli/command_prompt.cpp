#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "cli/commands.h"
#include "generate/generate.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

using nlohmann::ordered_json;

struct PromptCommand {
    std::string prompt;
    std::string form = "auto";
    std::optional<std::string> query;
    std::string turns;
    bool prefix = false;
    bool tokens = false;
    std::size_t context = 0;
    std::string output;
    bool force = false;
    app::ModelChoice model;
};

void write_json(const ordered_json& value) { terminal::write_standard_output(json_text(value)); }

prompt::PromptSpec open_spec(const PromptCommand& command) {
    return prompt::load(command.prompt, prompt::parse_original_form(command.form));
}

ordered_json summary(const prompt::PromptSpec& spec) {
    return {{"name", spec.name},
            {"version", spec.version},
            {"description", spec.description},
            {"examples", spec.examples.size()},
            {"prefix_bytes", prompt::render_prefix(spec).size()},
            {"headers", spec.headers},
            {"fenced", spec.fenced},
            {"stop", spec.stop}};
}

void run_list(const Context& context) {
    ordered_json rows = ordered_json::array();
    std::string table = fmt::format("{:<18} {:>8} {:>7}  {}\n", "NAME", "EXAMPLES", "BYTES", "WHAT IT IS");
    for (const std::string& name : prompt::builtin_names()) {
        const prompt::PromptSpec spec = prompt::builtin(name);
        rows.push_back(summary(spec));
        table += fmt::format("{:<18} {:>8} {:>7}  {}\n", name, spec.examples.size(), prompt::render_prefix(spec).size(),
                             spec.description);
    }
    context.json ? write_json(rows) : terminal::write_standard_output(table);
}

void run_show(const PromptCommand& command, const Context& context) {
    const prompt::PromptSpec spec = open_spec(command);
    if (!context.json) return terminal::write_standard_output(prompt::format_spec(spec));
    ordered_json value = summary(spec);
    value["prefix"] = prompt::render_prefix(spec);
    write_json(value);
}

std::vector<prompt::Turn> read_turns(const std::string& path) {
    if (path.empty()) return {};
    const terminal::InputFile file(path);
    const auto value = read_json_file(file.path());
    if (!value.is_array()) {
        throw error(ErrorKind::BadInput,
                    "{}: expected a JSON list such as [{{\"query\": \"...\", \"answer\": \"...\"}}]", path);
    }
    std::vector<prompt::Turn> turns;
    for (const auto& item : value) {
        const auto text = [&](const char* key) {
            if (item.is_object() && item.contains(key) && item[key].is_string()) return item[key].get<std::string>();
            throw error(ErrorKind::BadInput, "{}: turn {} has no string '{}'", path, turns.size() + 1, key);
        };
        turns.push_back({text("query"), text("answer")});
    }
    return turns;
}

std::vector<engine::Token> tokens_of(const generate::PreparedPrompt& prepared, const PromptCommand& command) {
    if (command.prefix) return prepared.prefix();
    return prepared.tokenize({read_turns(command.turns), *command.query});
}

void write_tokens(const PromptCommand& command, const Context& context, const prompt::PromptSpec& spec) {
    const generate::PreparedPrompt prepared(app::open_model(command.model, callbacks(context)), spec);
    ordered_json rows = ordered_json::array();
    std::string lines;
    for (const engine::Token token : tokens_of(prepared, command)) {
        const ordered_json piece = replace_invalid_utf8(prepared.model().piece(token, true));
        rows.push_back({{"id", token}, {"piece", piece}});
        lines += fmt::format("{:>8} {}\n", token, piece.dump());
    }
    context.terminal.note(fmt::format("{} tokens", rows.size()));
    context.json ? write_json(rows) : terminal::write_standard_output(lines);
}

void run_render(const PromptCommand& command, const Context& context) {
    if (command.prefix == command.query.has_value()) {
        throw error(ErrorKind::BadInput, "prompt render: give either --query TEXT or --prefix");
    }
    const prompt::PromptSpec spec = open_spec(command);
    if (command.tokens) return write_tokens(command, context, spec);
    const prompt::RenderedPrompt rendered = command.prefix
                                                ? prompt::RenderedPrompt{prompt::render_prefix(spec), 0}
                                                : prompt::render(spec, {read_turns(command.turns), *command.query});
    if (!context.json) return terminal::write_standard_output(rendered.text);
    write_json({{"name", spec.name},
                {"text", rendered.text},
                {"prefix_bytes", command.prefix ? rendered.text.size() : rendered.prefix_bytes}});
}

/// What a name that is taken leads to: two prompts that tables and people cannot tell apart.
std::vector<prompt::Finding> check_name(const PromptCommand& command, const prompt::PromptSpec& spec) {
    const std::vector<std::string> names = prompt::builtin_names();
    const bool asked_by_name = std::ranges::find(names, command.prompt) != names.end();
    if (asked_by_name || prompt::origin_of(spec) != prompt::Origin::BuiltinsName) return {};
    return {{prompt::Finding::Level::Warning,
             fmt::format("it has the name of the built-in prompt {} but says something else: give it a name of its own",
                         spec.name)}};
}

void run_check(const PromptCommand& command, Context& context) {
    const prompt::PromptSpec spec = open_spec(command);
    std::optional<std::size_t> prefix_tokens;
    std::optional<std::size_t> context_tokens;
    if (command.tokens) {
        const generate::PreparedPrompt prepared(app::open_model(command.model, callbacks(context)), spec);
        prefix_tokens = prepared.prefix().size();
        const auto training_context = static_cast<std::size_t>(prepared.model().info().training_context);
        context_tokens = command.context > 0 ? command.context : training_context;
    }
    ordered_json rows = ordered_json::array();
    std::string lines;
    std::vector<prompt::Finding> findings = check_name(command, spec);
    for (prompt::Finding& finding : prompt::check(spec, prefix_tokens, context_tokens)) {
        findings.push_back(std::move(finding));
    }
    for (const prompt::Finding& finding : findings) {
        const bool warning = finding.level == prompt::Finding::Level::Warning;
        if (warning) context.exit_code = 1;
        rows.push_back({{"level", warning ? "warning" : "note"}, {"text", finding.text}});
        lines += fmt::format("{}: {}\n", warning ? "warning" : "note", printable(finding.text));
    }
    if (lines.empty()) lines = fmt::format("{}: nothing to complain about\n", spec.name);
    if (!context.json) return terminal::write_standard_output(lines);
    ordered_json value{{"name", spec.name}, {"findings", rows}};
    if (prefix_tokens) value["prefix_tokens"] = *prefix_tokens;
    write_json(value);
}

void run_import(const PromptCommand& command, const Context& context) {
    const prompt::OriginalForm form = prompt::parse_original_form(command.form);
    const fs::path input(command.prompt);
    const prompt::PromptSpec spec = prompt::parse_original(read_text_file(input), input.stem().string(), form);
    ordered_json described = summary(spec);
    if (command.output.empty()) {
        described["toml"] = prompt::format_spec(spec);
        return context.json ? write_json(described) : terminal::write_standard_output(prompt::format_spec(spec));
    }
    if (fs::path(command.output).extension() != ".toml") {
        throw error(ErrorKind::BadInput, "{}: a specification is known by its ending; name the output NAME.toml",
                    command.output);
    }
    if (!command.force && fs::exists(command.output)) {
        throw error(ErrorKind::BadInput, "{}: exists already; choose another name or give --force", command.output);
    }
    write_file_atomic(command.output, prompt::format_spec(spec));
    described["output"] = command.output;
    if (context.json) return write_json(described);
    context.terminal.note(
        fmt::format("{}: {} examples; use it with --prompt {}", command.output, spec.examples.size(), command.output));
}

void add_prompt_argument(CLI::App& app, PromptCommand& command) {
    app.add_option("prompt", command.prompt, "A built-in name, a .toml specification or an original .txt file")
        ->check(suggest(prompt::builtin_names()))
        ->type_name("NAME|FILE")
        ->required();
}

void add_form(CLI::App& app, PromptCommand& command) {
    add_form_flag(app, command.form, "How an original .txt file continues with the query")->default_str("auto");
}

void add_render(CLI::App& prompt, Context& context) {
    auto* app = prompt.add_subcommand("render", "Print exactly what the model gets, not one byte more");
    auto command = std::make_shared<PromptCommand>();
    add_prompt_argument(*app, *command);
    app->add_option("--query", command->query, "The query to answer")->type_name("TEXT");
    app->add_option("--turns", command->turns,
                    "Earlier turns: a JSON list of {\"query\", \"answer\"}; - is standard input")
        ->type_name("FILE");
    app->add_flag("--prefix", command->prefix, "Print the constant part alone");
    app->add_flag("--tokens", command->tokens, "Print the tokens, one a line: id and text (loads the model)");
    add_form(*app, *command);
    add_model_flags(*app, command->model, context);
    app->footer(examples({
        {"What the model gets for a question", "urial prompt render urial --query \"Why is the sky blue?\""},
        {"The constant part alone", "urial prompt render urial-1 --prefix"},
        {"The same as tokens of the model", "urial prompt render urial-1 --prefix --tokens"},
    }));
    app->callback([command, &context] { run_render(*command, context); });
}

void add_check(CLI::App& prompt, Context& context) {
    auto* app = prompt.add_subcommand("check", "Say what hurts a prompt; exit status 1 when there is a warning");
    auto command = std::make_shared<PromptCommand>();
    add_prompt_argument(*app, *command);
    auto* tokens =
        app->add_flag("--tokens", command->tokens, "Also compare the prefix with the context (loads the model)");
    app->add_option("--context", command->context, "Tokens of context instead of what the model was trained for")
        ->needs(tokens)
        ->check(CLI::PositiveNumber)
        ->type_name("N");
    add_form(*app, *command);
    add_model_flags(*app, command->model, context);
    app->footer(examples({
        {"A file of your own", "urial prompt check ./support.toml"},
        {"Whether its prefix fits into the model's context",
         "urial prompt check ./support.toml --tokens -m model.gguf"},
    }));
    app->callback([command, &context] { run_check(*command, context); });
}

void add_prompt_import(CLI::App& prompt, Context& context) {
    auto* app = prompt.add_subcommand("import", "Turn an original .txt prompt file into a specification");
    auto command = std::make_shared<PromptCommand>();
    app->add_option("file", command->prompt, "The original file")->type_name("FILE")->required();
    app->add_option("-o,--output", command->output, "The .toml file to write; standard output without it")
        ->type_name("FILE");
    app->add_flag("--force", command->force, "Replace the output file if it exists");
    add_form(*app, *command);
    app->footer(examples({
        {"As a specification to edit", "urial prompt import inst_1k_v4.help.txt -o help.toml"},
        {"Of a file in an older form", "urial prompt import inst_1k.txt --form older"},
    }));
    app->callback([command, &context] { run_import(*command, context); });
}

}  // namespace

void add_prompt_command(CLI::App& app, Context& context) {
    auto* prompt = app.add_subcommand("prompt", "List, show, render, check and import in-context prompts");
    prompt->require_subcommand(1);
    auto* list = prompt->add_subcommand("list", "The built-in prompts");
    list->footer(examples({{"What there is", "urial prompt list"}, {"For a program", "urial prompt list --json"}}));
    list->callback([&context] { run_list(context); });
    auto* show = prompt->add_subcommand("show", "Print a prompt's specification, to read or to edit a copy");
    auto command = std::make_shared<PromptCommand>();
    add_prompt_argument(*show, *command);
    add_form(*show, *command);
    show->footer(examples({
        {"The default prompt", "urial prompt show urial"},
        {"A copy to edit, and its use", "urial prompt show urial > mine.toml && urial chat -p mine.toml"},
    }));
    show->callback([command, &context] { run_show(*command, context); });
    add_render(*prompt, context);
    add_check(*prompt, context);
    add_prompt_import(*prompt, context);
}

}  // namespace urial::cli

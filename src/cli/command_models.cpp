// `urial pull`, and `urial models` with `show` and `rm`.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/setting_flags.h"
#include "models/models.h"
#include "terminal/progress_bar.h"

namespace urial::cli {
namespace {

using models::InstalledModel;

void run_pull(const std::string& text, bool offline, Context& context) {
    terminal::ProgressBar bar(context.terminal, text, terminal::ProgressUnit::Bytes);
    models::FetchOptions options;
    options.download = !offline;
    options.progress = [&](const models::Progress& progress) { bar.update(progress.done_bytes, progress.total_bytes); };
    options.notice = [&](std::string_view line) {
        bar.clear();
        context.terminal.note(line);
    };
    options.cancelled = [] { return terminal::interrupted(); };
    const models::ModelSpec spec = models::parse_download_spec(text);
    if (spec.text != text) context.terminal.note(fmt::format("{} is no file here: taken as {}", text, spec.text));
    const std::filesystem::path path = models::resolve(spec, options);
    bar.clear();
    const models::GgufSummary summary = models::check_gguf(path);
    if (context.json) {
        const nlohmann::ordered_json result{
            {"spec", spec.text}, {"path", path.string()}, {"bytes", summary.file_bytes}};
        fmt::print("{}", json_text(result));
    } else {
        fmt::print("{}\n", path.string());
    }
}

std::string kind_of(const InstalledModel& model) {
    if (!model.summary) return "damaged";
    if (model.summary->kind != "model") return printable(model.summary->kind);
    if (model.summary->architecture == "mpnet") return "encoder";
    return model.summary->has_chat_template ? "chat" : "base";
}

std::string license_of(const InstalledModel& model) {
    const auto alias = std::ranges::find(models::aliases(), model.spec, &models::Alias::name);
    if (alias != models::aliases().end()) return alias->license.substr(0, alias->license.find(','));
    return model.summary ? printable(model.summary->license) : "";
}

nlohmann::ordered_json as_json(const InstalledModel& model) {
    nlohmann::ordered_json record{{"spec", model.spec}, {"path", model.path.string()}, {"kind", kind_of(model)}};
    record["license"] = license_of(model);
    if (model.summary) {
        record["bytes"] = model.summary->file_bytes;
        record["name"] = model.summary->name;
        record["architecture"] = model.summary->architecture;
        record["file_type"] = model.summary->file_type;
        record["parameters"] = model.summary->parameters;
        record["context_length"] = model.summary->context_length;
        record["vocabulary_size"] = model.summary->vocabulary_size;
    } else {
        record["problem"] = model.problem;
    }
    return record;
}

using Row = std::vector<std::string>;

Row as_row(const InstalledModel& model) {
    const auto or_dash = [](std::string text) { return text.empty() ? std::string("-") : text; };
    const std::uint64_t context = model.summary ? model.summary->context_length : 0;
    return {printable(model.spec),
            model.summary ? human_bytes(static_cast<double>(model.summary->file_bytes)) : "-",
            kind_of(model),
            context > 0 ? std::to_string(context) : "-",
            or_dash(license_of(model)),
            printable(model.path.string())};
}

void print_table(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row& row : rows) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            widths[column] = std::max(widths[column], row[column].size());
        }
    }
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t column = 0; column + 1 < row.size(); ++column) {
            line += fmt::format("{:<{}}  ", row[column], widths[column]);
        }
        fmt::print("{}{}\n", line, row.back());
    }
}

/// What can be had and is not there yet.
void suggest_aliases(const std::vector<InstalledModel>& installed, const terminal::Terminal& terminal) {
    for (const models::Alias& alias : models::aliases()) {
        if (std::ranges::find(installed, alias.name, &InstalledModel::spec) != installed.end()) continue;
        terminal.note(fmt::format("urial pull {}  ({}, {})", alias.name, alias.description,
                                  human_bytes(static_cast<double>(alias.bytes))));
    }
}

void run_models(Context& context) {
    const std::vector<InstalledModel> installed = models::installed_models();
    if (context.json) {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const InstalledModel& model : installed) list.push_back(as_json(model));
        fmt::print("{}", json_text(list));
        return;
    }
    if (installed.empty()) {
        context.terminal.note("no model is on this disk yet; to get one:");
    } else {
        std::vector<Row> rows{{"MODEL", "SIZE", "KIND", "CONTEXT", "LICENCE", "PATH"}};
        for (const InstalledModel& model : installed) rows.push_back(as_row(model));
        print_table(rows);
        for (const InstalledModel& model : installed) {
            if (!model.problem.empty()) context.terminal.warn(printable(model.problem));
        }
    }
    suggest_aliases(installed, context.terminal);
}

InstalledModel find_installed(const std::string& text) {
    const models::ModelSpec spec = models::parse_download_spec(text);
    models::FetchOptions only_here;
    only_here.download = false;
    InstalledModel model{.spec = spec.text, .path = models::resolve(spec, only_here), .summary = {}, .problem = {}};
    model.summary = models::check_gguf(model.path);
    return model;
}

std::string counted(std::uint64_t parameters) {
    const auto count = static_cast<double>(parameters);
    if (count >= 1e9) return fmt::format("{:.1f} billion", count / 1e9);
    return fmt::format("{:.0f} million", count / 1e6);
}

void run_show(const std::string& text, const Context& context) {
    const InstalledModel model = find_installed(text);
    const models::GgufSummary& summary = *model.summary;
    const std::string sha256 = models::content_hash(model.path);
    if (context.json) {
        nlohmann::ordered_json record = as_json(model);
        record["chat_template"] = summary.has_chat_template;
        record["tensors"] = summary.tensors;
        record["sha256"] = sha256;
        fmt::print("{}", json_text(record));
        return;
    }
    const std::pair<std::string_view, std::string> lines[] = {
        {"model", model.spec},
        {"path", model.path.string()},
        {"size",
         fmt::format("{} ({} bytes)", human_bytes(static_cast<double>(summary.file_bytes)), summary.file_bytes)},
        {"sha256", sha256},
        {"name", summary.name},
        {"architecture", summary.architecture},
        {"kind", kind_of(model)},
        {"weights", summary.file_type},
        {"parameters", summary.parameters > 0 ? counted(summary.parameters) : ""},
        {"context", summary.context_length > 0 ? fmt::format("{} tokens", summary.context_length) : ""},
        {"vocabulary", summary.vocabulary_size > 0 ? fmt::format("{} tokens", summary.vocabulary_size) : ""},
        {"chat template", summary.has_chat_template ? "its own" : "none"},
        {"licence", license_of(model)},
    };
    for (const auto& [name, value] : lines) {
        fmt::print("{:<13}  {}\n", name, value.empty() ? "not stated" : printable(value));
    }
}

/// Asks at a terminal; elsewhere nobody is there to answer.
bool confirmed(const models::Removal& removal) {
    if (::isatty(STDIN_FILENO) != 1) {
        throw error(ErrorKind::BadInput, "{}: nobody can be asked here whether to remove it: give --yes",
                    removal.file.string());
    }
    fmt::print(stderr, "Remove {} ({})? [y/N] ", printable(removal.file.string()),
               human_bytes(static_cast<double>(removal.freed_bytes)));
    std::string answer;
    std::getline(std::cin, answer);
    terminal::throw_if_interrupted();
    const std::string_view reply = trim(answer);
    return reply == "y" || reply == "Y" || reply == "yes";
}

void run_remove(const std::string& text, bool yes, const Context& context) {
    const models::ModelSpec spec = models::parse_download_spec(text);
    const models::Removal removal = models::plan_removal(spec);
    if (!yes && !confirmed(removal)) {
        context.terminal.note("nothing was removed");
        return;
    }
    models::remove_model(removal);
    if (!removal.kept.empty()) context.terminal.note(fmt::format("kept {}", removal.kept));
    if (context.json) {
        const nlohmann::ordered_json result{
            {"spec", spec.text}, {"path", removal.file.string()}, {"freed_bytes", removal.freed_bytes}};
        fmt::print("{}", json_text(result));
    } else {
        fmt::print("{} freed\n", human_bytes(static_cast<double>(removal.freed_bytes)));
    }
}

CLI::Option* add_spec(CLI::App& command, std::string& spec, const std::string& help) {
    std::vector<std::string> names = app::model_names();
    for (const std::string& encoder : app::encoder_names()) names.push_back(encoder);
    return command.add_option("spec", spec, help)->check(suggest(names))->type_name("SPEC")->required();
}

void add_show(CLI::App& models, Context& context) {
    CLI::App* show = models.add_subcommand("show", "Say what a model's file is: size, hash, what its header says");
    const auto spec = std::make_shared<std::string>();
    add_spec(*show, *spec, "As in `urial models`, or any GGUF file");
    show->footer(examples({
        {"The default model", "urial models show gemma-3-270m"},
        {"A file, for a program", "urial models show ./model.gguf --json"},
    }));
    show->callback([spec, &context] { run_show(*spec, context); });
}

void add_remove(CLI::App& models, Context& context) {
    struct Flags {
        std::string spec;
        bool yes = false;
    };
    CLI::App* remove = models.add_subcommand("rm", "Remove a model from urial's or from the Hugging Face cache");
    const auto flags = std::make_shared<Flags>();
    add_spec(*remove, flags->spec, "As in `urial models`");
    remove->add_flag("-y,--yes", flags->yes, "Do not ask");
    remove->footer(examples({
        {"It asks first", "urial models rm smollm2-135m-instruct"},
        {"In a script", "urial models rm hf:owner/name:Q4_K_M --yes"},
    }));
    remove->callback([flags, &context] { run_remove(flags->spec, flags->yes, context); });
}

}  // namespace

void add_models_commands(CLI::App& app, Context& context) {
    struct PullFlags {
        std::string spec;
        bool offline = false;
    };
    const auto flags = std::make_shared<PullFlags>();
    CLI::App* pull = app.add_subcommand("pull", "Download a model, check it, and print where it is");
    add_spec(*pull, flags->spec, "An alias, hf:owner/name[:quant], or a GGUF file to check");
    add_setting(*pull, *context.settings, "offline", flags->offline);
    pull->footer(examples({
        {"The default model", "urial pull gemma-3-270m"},
        {"A file of the Hugging Face hub, by its quantisation", "urial pull hf:owner/name:Q4_K_M"},
        {"Only look whether a file is a sound model", "urial pull ./model.gguf"},
    }));
    pull->callback([flags, &context] { run_pull(flags->spec, flags->offline, context); });

    CLI::App* list = app.add_subcommand("models", "List the models on this disk, show or remove one");
    list->require_subcommand(0, 1);
    add_show(*list, context);
    add_remove(*list, context);
    list->footer(examples({
        {"What is here, and what else can be had", "urial models"},
        {"For a program", "urial models --json"},
    }));
    list->callback([list, &context] {
        if (list->get_subcommands().empty()) run_models(context);
    });
}

}  // namespace urial::cli

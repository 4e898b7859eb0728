// `urial pull` and `urial models`.

#include <algorithm>
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/progress_bar.h"
#include "cli/settings.h"
#include "models/models.h"

namespace urial::cli {
namespace {

using models::InstalledModel;

void run_pull(const std::string& text, bool offline, Context& context) {
    ProgressBar bar(context.terminal, text, ProgressUnit::Bytes);
    models::FetchOptions options;
    options.download = !offline;
    options.progress = [&](const models::Progress& progress) { bar.update(progress.done_bytes, progress.total_bytes); };
    options.notice = [&](std::string_view line) {
        bar.clear();
        context.terminal.note(line);
    };
    options.cancelled = [] { return interrupted(); };
    const std::filesystem::path path = models::resolve(models::parse_model_spec(text), options);
    bar.clear();
    const models::GgufSummary summary = models::check_gguf(path);
    if (context.json) {
        const nlohmann::ordered_json result{{"spec", text}, {"path", path.string()}, {"bytes", summary.file_bytes}};
        fmt::print("{}\n", result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
        fmt::print("{}\n", path.string());
    }
}

std::string kind_of(const InstalledModel& model) {
    if (!model.summary) return "damaged";
    if (model.summary->kind != "model") return printable(model.summary->kind);
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
void suggest_aliases(const std::vector<InstalledModel>& installed, const Terminal& terminal) {
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
        fmt::print("{}\n", list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
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

}  // namespace

void add_models_commands(CLI::App& app, Context& context) {
    struct PullFlags {
        std::string spec;
        bool offline = false;
    };
    const auto flags = std::make_shared<PullFlags>();
    CLI::App* pull = app.add_subcommand("pull", "Download a model, check it, and print where it is");
    pull->add_option("spec", flags->spec, "An alias, hf:owner/name[:quant], or a GGUF file to check")->required();
    add_setting(*pull, *context.settings, "offline", flags->offline);
    pull->callback([flags, &context] { run_pull(flags->spec, flags->offline, context); });

    CLI::App* list = app.add_subcommand("models", "List the models on this disk");
    list->callback([&context] { run_models(context); });
}

}  // namespace urial::cli

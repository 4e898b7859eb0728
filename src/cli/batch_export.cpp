#include "cli/batch_export.h"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace urial::cli {

void print_written(const app::ExportSummary& summary, const std::string& requests, const Context& context) {
    if (context.json) {
        const nlohmann::ordered_json printed{{"output", requests},
                                             {"requests", summary.requests},
                                             {"answered", summary.answered},
                                             {"bytes", summary.bytes}};
        fmt::print("{}", json_text(printed));
        return;
    }
    context.terminal.note(fmt::format("{} requests in {} ({})", summary.requests, printable(requests),
                                      human_bytes(static_cast<double>(summary.bytes))));
    if (summary.answered > 0) context.terminal.note(fmt::format("{} are answered already", summary.answered));
}

void print_run_batch(const ExportedFile& file, const std::string& model, const std::string& results,
                     const Context& context) {
    if (context.json) return;
    context.terminal.note(fmt::format("vllm run-batch -i {} -o {} --model {}{}", printable(file.requests), results,
                                      printable(model), file.more_flags));
}

void print_export(const app::ExportSummary& summary, const ExportedFile& file, const Context& context) {
    print_written(summary, file.requests, context);
    if (summary.requests == 0 || file.target != batch::Target::Vllm) return;
    print_run_batch(file, summary.model, "results.jsonl", context);
}

void add_export_target(CLI::App& command, ExportTarget& target) {
    command
        .add_option("-o,--output", target.output, "Where the requests go, one a line; their manifest goes beside them")
        ->type_name("FILE")
        ->required();
    command
        .add_option("-m,--model", target.model,
                    "The model as the engine names it, or http://HOST/v1#MODEL, which is not asked")
        ->type_name("NAME")
        ->required();
    command.add_option("--target", target.target, "Who reads the requests: vllm (run-batch, Ray Data), openai")
        ->check(one_of({"vllm", "openai"}))
        ->type_name("ENGINE")
        ->capture_default_str();
    command.add_flag("--overwrite", target.overwrite, "Replace a file of requests that is there");
}

}  // namespace urial::cli

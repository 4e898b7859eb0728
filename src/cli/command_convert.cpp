// `urial convert`: the same weights in another type.

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/setting_flags.h"
#include "engine/convert.h"
#include "models/models.h"

namespace urial::cli {
namespace {

struct ConvertFlags {
    std::string model;
    std::string type;
    std::string output;
    bool overwrite = false;
    bool offline = false;
};

void run(const ConvertFlags& flags, const Context& context) {
    if (fs::exists(flags.output) && !flags.overwrite) {
        throw error(ErrorKind::BadInput, "{} exists; name another file, or --overwrite", flags.output);
    }
    app::ModelChoice choice;
    choice.model = flags.model;
    choice.offline = flags.offline;
    const fs::path input = app::prepare_model(choice, callbacks(context)).path;
    const models::GgufSummary before = models::check_gguf(input);
    const auto type = flags.type == "f32" ? engine::WeightType::F32 : engine::WeightType::Bf16;
    engine::convert_weights(input, flags.output, type);
    const models::GgufSummary after = models::check_gguf(flags.output);
    if (context.json) {
        const nlohmann::ordered_json printed{
            {"output", flags.output}, {"from", before.file_type}, {"to", after.file_type}, {"bytes", after.file_bytes}};
        fmt::print("{}\n", printed.dump());
    } else {
        fmt::print("{}\n", flags.output);
        context.terminal.note(fmt::format("{} to {}: {}", before.file_type, after.file_type,
                                          human_bytes(static_cast<double>(after.file_bytes))));
    }
}

}  // namespace

void add_convert_command(CLI::App& app, Context& context) {
    auto flags = std::make_shared<ConvertFlags>();
    CLI::App* command = app.add_subcommand("convert", "Write a model's weights in a floating-point type");
    command->add_option("model", flags->model, "An alias, hf:owner/name[:quant], or a GGUF file")
        ->check(suggest(app::model_names()))
        ->type_name("SPEC")
        ->required();
    command->add_option("--type", flags->type, "f32 (exactly the weights' values) or bf16 (rounded, half the size)")
        ->check(one_of({"f32", "bf16"}))
        ->type_name("TYPE")
        ->required();
    command->add_option("-o,--output", flags->output, "The file to write")->type_name("FILE")->required();
    command->add_flag("--overwrite", flags->overwrite, "Replace the output where it exists");
    add_setting(*command, *context.settings, "offline", flags->offline);
    command->footer(examples({
        {"The default model's weights as they are, unpacked",
         "urial convert gemma-3-270m --type f32 -o gemma-f32.gguf"},
        {"Half the size", "urial convert model-Q8_0.gguf --type bf16 -o model-bf16.gguf"},
    }));
    command->callback([flags, &context] { run(*flags, context); });
}

}  // namespace urial::cli

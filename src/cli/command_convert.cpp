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
#include "models/sentence_transformer.h"
#include "terminal/progress_bar.h"

namespace urial::cli {
namespace {

struct ConvertFlags {
    std::string model;
    std::string type;
    std::string output;
    bool overwrite = false;
    bool offline = false;
};

void say_result(const ConvertFlags& flags, const std::string& from, const Context& context) {
    const models::GgufSummary after = models::check_gguf(flags.output);
    if (context.json) {
        const nlohmann::ordered_json printed{
            {"output", flags.output}, {"from", from}, {"to", after.file_type}, {"bytes", after.file_bytes}};
        fmt::print("{}\n", printed.dump());
    } else {
        fmt::print("{}\n", flags.output);
        context.terminal.note(
            fmt::format("{} to {}: {}", from, after.file_type, human_bytes(static_cast<double>(after.file_bytes))));
    }
}

/// A folder with the original files of an encoder.
void run_encoder(const ConvertFlags& flags, const Context& context) {
    if (flags.type == "bf16") {
        throw Error(ErrorKind::BadInput, "--type bf16: an encoder's files become f32 or f16");
    }
    const auto progress =
        terminal::patient_progress(context.terminal, "converting " + flags.model, terminal::ProgressUnit::Bytes);
    const auto type = flags.type == "f32" ? models::EncoderType::F32 : models::EncoderType::F16;
    models::convert_encoder(flags.model, flags.output, type, [&](std::uint64_t done, std::uint64_t total) {
        if (terminal::interrupted()) throw terminal::Interrupted{};
        if (progress) progress(done, total);  // there is none without a terminal
    });
    say_result(flags, "safetensors", context);
}

void run(const ConvertFlags& flags, const Context& context) {
    if (fs::exists(flags.output) && !flags.overwrite) {
        throw error(ErrorKind::BadInput, "{} exists; name another file, or --overwrite", flags.output);
    }
    if (models::is_encoder_folder(flags.model)) return run_encoder(flags, context);
    if (flags.type == "f16") {
        throw Error(ErrorKind::BadInput, "--type f16 is for an encoder's files; a GGUF becomes f32 or bf16");
    }
    app::ModelChoice choice;
    choice.model = flags.model;
    choice.offline = flags.offline;
    const fs::path input = app::prepare_model(choice, callbacks(context)).path;
    const models::GgufSummary before = models::check_gguf(input);
    const auto type = flags.type == "f32" ? engine::WeightType::F32 : engine::WeightType::Bf16;
    engine::convert_weights(input, flags.output, type);
    say_result(flags, before.file_type, context);
}

}  // namespace

void add_convert_command(CLI::App& app, Context& context) {
    auto flags = std::make_shared<ConvertFlags>();
    CLI::App* command = app.add_subcommand("convert", "Write a model's weights in a floating-point type");
    command
        ->add_option("model", flags->model,
                     "An alias, hf:owner/name[:quant], a GGUF file, or a folder with an encoder's files")
        ->check(suggest(app::model_names()))
        ->type_name("SPEC")
        ->required();
    command
        ->add_option("--type", flags->type,
                     "f32 (exactly the weights' values), or half the size, rounded: bf16, of an encoder f16")
        ->check(one_of({"f32", "bf16", "f16"}))
        ->type_name("TYPE")
        ->required();
    command->add_option("-o,--output", flags->output, "The file to write")->type_name("FILE")->required();
    command->add_flag("--overwrite", flags->overwrite, "Replace the output where it exists");
    add_setting(*command, *context.settings, "offline", flags->offline);
    command->footer(examples({
        {"The default model's weights as they are, unpacked",
         "urial convert gemma-3-270m --type f32 -o gemma-f32.gguf"},
        {"An encoder's original files", "urial convert all-mpnet-base-v2/ --type f16 -o encoder.gguf"},
        {"Half the size", "urial convert model-Q8_0.gguf --type bf16 -o model-bf16.gguf"},
    }));
    command->callback([flags, &context] { run(*flags, context); });
}

}  // namespace urial::cli

#include "app/models.h"

#include <fmt/format.h>

#include "app/try_model.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "models/models.h"

namespace urial::app {
namespace {

constexpr std::string_view kAutomatic = "auto";

engine::SessionOptions::FlashAttention flash_attention(std::string_view name) {
    using Choice = engine::SessionOptions::FlashAttention;
    if (name == kAutomatic) return Choice::Auto;
    if (name == "on") return Choice::On;
    if (name == "off") return Choice::Off;
    throw error(ErrorKind::BadInput, "flash_attention cannot be '{}'; it takes one of: auto, on, off", printable(name));
}

engine::Arithmetic arithmetic_named(std::string_view name) {
    std::string names(kAutomatic);
    for (const engine::ArithmeticTraits& traits : engine::arithmetics()) {
        if (name == traits.name) return traits.arithmetic;
        names += fmt::format(", {}", traits.name);
    }
    throw error(ErrorKind::BadInput, "arithmetic cannot be '{}'; it takes one of: {}", printable(name), names);
}

/// Our routines are for the CPU, f32 products for GPUs: an arithmetic that is named decides where the model goes.
void take_arithmetic(const ModelChoice& choice, const Callbacks& callbacks, engine::ModelOptions& options) {
    const engine::Arithmetic named = arithmetic_named(choice.arithmetic);
    const engine::ArithmeticTraits& traits = engine::traits(named);
    options.arithmetic = options.gpu_arithmetic = named;
    if (traits.is_for_gpus && (choice.device == engine::kCpuAlone || choice.gpu_layers == 0 || !traits.runs_here())) {
        throw error(ErrorKind::BadInput,
                    "--arithmetic {}: it is for NVIDIA GPUs, in a build with CMAKE_ARGS=-DGGML_CUDA=ON; on the CPU "
                    "precise is the one that rounds least",
                    choice.arithmetic);
    }
    if (traits.is_for_gpus) options.arithmetic = engine::Arithmetic::Engine;
    if (!traits.is_own) return;
    options.gpu_arithmetic = engine::Arithmetic::Engine;
    if ((choice.device != engine::kAnyDevice && choice.device != engine::kCpuAlone) || choice.gpu_layers > 0) {
        throw error(ErrorKind::BadInput, "--arithmetic {}: it is the CPU's; leave it out, or --device and --gpu-layers",
                    choice.arithmetic);
    }
    if (choice.device == engine::kAnyDevice && !engine::devices().empty()) {
        tell(callbacks.detail, fmt::format("{} arithmetic is the CPU's: no GPU is used", choice.arithmetic));
    }
    options.device = engine::kCpuAlone;
}

/// Whether layers fit is known once they are placed.
void check_arithmetic(const ModelChoice& choice, const engine::ModelInfo& model) {
    const std::string_view f32 = engine::traits(engine::Arithmetic::Float32).name;
    if (choice.arithmetic != f32 || model.arithmetic == engine::Arithmetic::Float32) return;
    throw error(ErrorKind::BadInput,
                "--arithmetic {}: it needs all of the model on NVIDIA GPUs, and {} of {} layers of {} are there; use a "
                "smaller model, or leave it out",
                f32, model.placement.layers, model.placement.of, model.name);
}

void say_where(const engine::Placement& placement, const Callbacks& callbacks) {
    if (placement.layers == 0 || !callbacks.detail) return;
    callbacks.detail(
        fmt::format("{} of {} layers are on {}", placement.layers, placement.of, engine::describe(placement.devices)));
}

Progress begin(const Callbacks& callbacks, Work work, const std::string& model) {
    return callbacks.progress ? callbacks.progress(work, model) : Progress();
}

engine::Watch watch(const Callbacks& callbacks, Work work, const std::string& model) {
    engine::Watch watch;
    watch.cancelled = callbacks.cancelled;
    watch.progress = begin(callbacks, work, model);
    watch.detail = callbacks.detail;
    watch.warning = callbacks.warning;
    return watch;
}

/// "precise" promises less noise: that it does not reach all matrices is a warning. With "packed" it is a matter of
/// speed.
void say_what_is_packed(const engine::ModelInfo& model, const Callbacks& callbacks) {
    if (model.packed_matrices == model.quantised_matrices) return;
    const engine::ArithmeticTraits& arithmetic = engine::traits(model.arithmetic);
    const auto& say = arithmetic.is_precise ? callbacks.warning : callbacks.detail;
    if (!say) return;
    say(fmt::format(
        "{}: {} arithmetic covers {} of {} quantised matrices; the others are not Q8_0, Q5_0, Q4_K or Q6_K, and the "
        "engine's own routines multiply them",
        model.name, arithmetic.name, model.packed_matrices, model.quantised_matrices));
}

}  // namespace

std::filesystem::path fetch_model(const std::string& spec, bool offline, const Callbacks& callbacks) {
    if (spec.starts_with("http://") || spec.starts_with("https://")) {
        throw Error(ErrorKind::BadInput,
                    "the model is on a server, and this needs one in this process: a GGUF file, hf:OWNER/NAME[:QUANT] "
                    "or an alias (urial generate and urial chat take servers)");
    }
    const Progress progress = begin(callbacks, Work::Download, spec);
    models::FetchOptions fetch;
    fetch.download = !offline;
    if (progress) fetch.progress = [&](const models::Progress& now) { progress(now.done_bytes, now.total_bytes); };
    fetch.notice = callbacks.note;
    fetch.cancelled = callbacks.cancelled;
    return models::resolve(models::parse_model_spec(spec), fetch);
}

engine::ModelOptions prepare_model(const ModelChoice& choice, const Callbacks& callbacks, engine::Purpose purpose,
                                   int rows) {
    engine::ModelOptions options;
    options.purpose = purpose;
    options.device = choice.device;
    options.gpu_layers = choice.gpu_layers;
    (void)engine::choose_devices(choice.device, choice.gpu_layers, engine::devices());  // before anything is downloaded
    if (choice.arithmetic == kAutomatic) {
        options.arithmetic = engine::arithmetic_for(purpose, rows);
        options.gpu_arithmetic = engine::gpu_arithmetic_for(purpose);
    } else {
        take_arithmetic(choice, callbacks, options);
    }
    options.path = fetch_model(choice.model, choice.offline, callbacks);
    models::check_model(options.path);
    options.content_hash = models::content_hash(options.path);
    for (const std::string& text : choice.adapters) {
        const models::AdapterSpec adapter = models::parse_adapter_spec(text);
        models::check_adapter(adapter.path);
        options.adapters.push_back({adapter.path, adapter.scale});
    }
    try_unknown_model(options, callbacks, choice.trial_program);
    return options;
}

std::shared_ptr<const engine::Model> open_model(const ModelChoice& choice, const Callbacks& callbacks,
                                                engine::Purpose purpose, int rows) {
    engine::ModelOptions options = prepare_model(choice, callbacks, purpose, rows);
    options.watch = watch(callbacks, Work::LoadModel, choice.model);
    std::shared_ptr<const engine::Model> model = engine::load_model(options);
    if (callbacks.cancelled && callbacks.cancelled()) throw engine::Cancelled();
    check_arithmetic(choice, model->info());
    say_what_is_packed(model->info(), callbacks);
    say_where(model->info().placement, callbacks);
    return model;
}

engine::SessionOptions session_options(const ModelChoice& choice, const Callbacks& callbacks) {
    engine::SessionOptions options;
    options.watch = watch(callbacks, Work::ReadPrompt, choice.model);
    options.threads = choice.threads;
    options.flash_attention = flash_attention(choice.flash_attention);
    if (choice.snapshots) {
        try {
            options.snapshot_dir = user_cache_dir() / "snapshots";
        } catch (const Error& failure) {
            tell(callbacks.detail, fmt::format("no snapshots are kept: {}", failure.what()));
        }
    }
    options.snapshot_bytes = choice.snapshot_limit;
    return options;
}

std::vector<std::string> model_names() {
    std::vector<std::string> names;
    for (const models::Alias& alias : models::aliases()) {
        if (!alias.is_encoder) names.push_back(alias.name);
    }
    return names;
}

void warn_left_out(const std::filesystem::path& file, const generate::LeftOut& left_out, const Callbacks& callbacks) {
    if (left_out.failed > 0) {
        tell(callbacks.warning, fmt::format("{}: {} records have an error in the place of an answer; they are left out",
                                            file.string(), left_out.failed));
    }
    if (left_out.repeated > 0) {
        tell(callbacks.warning, fmt::format("{}: {} records stand there more than once; each counts once",
                                            file.string(), left_out.repeated));
    }
}

}  // namespace urial::app

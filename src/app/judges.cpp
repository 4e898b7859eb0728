#include "app/judges.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/server_keys.h"
#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"
#include "base/text.h"
#include "eval/local_judge.h"
#include "generate/run_identity.h"
#include "http/client.h"
#include "models/models.h"

namespace urial::app {
namespace {

constexpr std::string_view kDefaultBaseUrl = "https://api.openai.com/v1";
constexpr std::string_view kEnvironmentPrefix = "openai:";

bool names_local_model(const std::string& spec) {
    if (spec.ends_with(".gguf") || spec.starts_with("hf:") || fs::exists(spec)) return true;
    return std::ranges::any_of(models::aliases(), [&](const models::Alias& alias) { return alias.name == spec; });
}

/// The server and model that a spec names; std::nullopt for a local model.
std::optional<http::ModelAddress> remote_address(const std::string& spec) {
    if (auto address = http::parse_model_address(spec)) return address;
    const auto base_url = environment("OPENAI_BASE_URL");
    const bool has_prefix = spec.starts_with(kEnvironmentPrefix);
    const bool has_environment = base_url || environment("OPENAI_API_KEY");
    if (!has_prefix && (names_local_model(spec) || !has_environment)) return std::nullopt;
    const std::string model = has_prefix ? spec.substr(kEnvironmentPrefix.size()) : spec;
    if (model.empty()) throw error(ErrorKind::BadInput, "{}: the model is missing; openai:MODEL is needed", spec);
    return http::ModelAddress{base_url.value_or(std::string(kDefaultBaseUrl)), model};
}

OpenedJudge open_local(const std::string& spec, ModelChoice choice, const Callbacks& callbacks) {
    choice.model = spec;
    const std::shared_ptr<const engine::Model> model = open_model(choice, callbacks);
    if (const auto form = engine::find_chat_template(*model); form && model->info().chat_template.empty()) {
        tell(callbacks.warning,
             fmt::format("{} carries no chat template and seems to be a base model: its verdicts will mean little; "
                         "the form of {} is used, whose markers its vocabulary has",
                         spec, form->name));
    }
    eval::LocalJudgeOptions options;
    options.name = spec.ends_with(".gguf") ? fs::path(spec).stem().string() : spec;
    options.session = session_options(choice, callbacks);
    options.session.watch.progress = {};  // the run shows its own, and reads prompts on another thread
    OpenedJudge opened;
    opened.description = eval::Json{{"model", model->info().name},
                                    {"sha256", model->info().content_hash},
                                    {"temperature", 0},
                                    {"threads", thread_count(options.session.threads)}};
    opened.description.update(generate::describe_computation(model->info()));
    if (model->info().placement.layers > 0) opened.description["devices"] = generate::describe_devices(model->info());
    opened.judge = eval::open_local_judge(model, std::move(options));
    opened.free_of_charge = true;
    return opened;
}

}  // namespace

OpenedJudge open_judge(const std::string& spec, std::chrono::milliseconds timeout, const ModelChoice& local,
                       const Callbacks& callbacks) {
    const std::optional<http::ModelAddress> address = remote_address(spec);
    if (!address && names_local_model(spec)) return open_local(spec, local, callbacks);
    if (!address) {
        throw error(
            ErrorKind::BadInput,
            "--judge {}: neither a server nor a local model. A judge is https://HOST/v1#MODEL, openai:MODEL for "
            "the server in OPENAI_BASE_URL, or a chat model: a GGUF file, hf:OWNER/NAME[:QUANT] or an alias "
            "(urial models)",
            spec);
    }
    const std::string key = environment("OPENAI_API_KEY").value_or("");
    OpenedJudge opened;
    opened.judge =
        std::make_unique<eval::RemoteJudge>(eval::RemoteJudgeOptions{address->base_url, address->model, key, timeout});
    if (!key.empty() && is_open_to_others(address->base_url)) {
        tell(callbacks.warning, fmt::format("{}: OPENAI_API_KEY goes there unencrypted", address->base_url));
    }
    opened.description = eval::Json{{"server", address->base_url}, {"temperature", 0}};
    return opened;
}

Jury open_jury(const JuryChoice& choice, const Callbacks& callbacks) {
    Jury jury;
    jury.options = choice.run;
    const eval::PriceTable prices = choice.prices.empty() ? eval::PriceTable{} : eval::load_prices(choice.prices);
    const std::chrono::milliseconds timeout(static_cast<long>(choice.timeout_seconds * 1000));
    for (const std::string& spec : choice.judges) {
        OpenedJudge opened = open_judge(spec, timeout, choice.local, callbacks);
        eval::JudgeSeat seat{opened.judge.get(), std::nullopt, opened.description};
        const auto price = prices.find(opened.judge->name());
        if (price != prices.end()) seat.price = price->second;
        if (opened.free_of_charge) seat.price = eval::Price{};
        jury.options.judges.push_back(std::move(seat));
        jury.judges.push_back(std::move(opened));
    }
    return jury;
}

}  // namespace urial::app

#include "app/encoders.h"

#include <utility>

#include "app/server_keys.h"
#include "app/try_model.h"
#include "base/error.h"
#include "models/models.h"
#include "remote/remote_embedder.h"

namespace urial::app {

void adopt_loading(EncoderChoice& encoder, const ModelChoice& model) {
    encoder.threads = model.threads;
    encoder.offline = model.offline;
    encoder.api_key_file = model.api_key_file;
    encoder.timeout_seconds = model.timeout_seconds;
    encoder.trial_program = model.trial_program;
}

std::shared_ptr<const engine::Encoder> open_encoder(const EncoderChoice& choice, const Callbacks& callbacks) {
    engine::EncoderOptions options;
    options.path = fetch_model(choice.encoder, choice.offline, callbacks);
    const models::GgufSummary summary = models::check_encoder(options.path);
    options.content_hash = models::content_hash(options.path);
    if (summary.architecture != "mpnet") {  // which is read here, by code that expects any content
        engine::ModelOptions tried;
        tried.path = options.path;
        tried.content_hash = options.content_hash;
        try_unknown_model(tried, callbacks, choice.trial_program, engine::TrialUse::Encode);
    }
    options.watch.cancelled = callbacks.cancelled;
    if (callbacks.progress) options.watch.progress = callbacks.progress(Work::LoadModel, choice.encoder);
    return engine::load_encoder(options);
}

std::shared_ptr<const retrieve::Embedder> open_embedder(const EncoderChoice& choice, const Callbacks& callbacks) {
    const auto address = http::parse_model_address(choice.encoder);
    if (!address) return retrieve::embedder_of(open_encoder(choice, callbacks));
    if (choice.offline) {
        throw error(ErrorKind::BadInput, "--offline: the encoder {} is on a server, which has to be asked",
                    choice.encoder);
    }
    remote::RemoteEmbedderOptions options;
    options.server = ServerKeys(choice.api_key_file).server(address->base_url, callbacks);
    options.model = address->model;
    options.timeout = std::chrono::milliseconds(static_cast<long>(choice.timeout_seconds * 1000));
    options.cancelled = callbacks.cancelled;
    return remote::remote_embedder(std::move(options));
}

std::vector<std::string> encoder_names() {
    std::vector<std::string> names;
    for (const models::Alias& alias : models::aliases()) {
        if (alias.is_encoder) names.push_back(alias.name);
    }
    return names;
}

}  // namespace urial::app

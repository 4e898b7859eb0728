#include "app/encoders.h"

#include "app/try_model.h"
#include "models/models.h"

namespace urial::app {

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

std::vector<std::string> encoder_names() {
    std::vector<std::string> names;
    for (const models::Alias& alias : models::aliases()) {
        if (alias.is_encoder) names.push_back(alias.name);
    }
    return names;
}

}  // namespace urial::app

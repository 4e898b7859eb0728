#include "support/test_model.h"

#include "base/error.h"
#include "models/models.h"

namespace urial::test {

std::optional<std::filesystem::path> default_model_path() {
    models::FetchOptions on_disk;
    on_disk.download = false;
    try {
        return models::resolve(models::parse_model_spec("gemma-3-270m"), on_disk);
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::shared_ptr<const engine::Model> default_model() {
    static const std::shared_ptr<const engine::Model> model = [] {
        engine::ModelOptions options;
        options.path = default_model_path().value();
        options.content_hash = models::content_hash(options.path);
        return engine::load_model(options);
    }();
    return model;
}

}  // namespace urial::test

#include "support/test_model.h"

#include "base/error.h"
#include "base/files.h"
#include "models/models.h"

namespace urial::test {

std::shared_ptr<const engine::Model> default_model() {
    static const std::shared_ptr<const engine::Model> model = [] {
        try {
            engine::ModelOptions options;
            options.path = models::resolve(models::parse_model_spec("gemma-3-270m"), {.download = false});
            options.content_hash = models::content_hash(options.path);
            return engine::load_model(options);
        } catch (const Error& failure) {
            if (failure.kind() != ErrorKind::NotFound || environment("URIAL_REQUIRE_MODEL")) throw;
            return std::shared_ptr<const engine::Model>();
        }
    }();
    return model;
}

}  // namespace urial::test

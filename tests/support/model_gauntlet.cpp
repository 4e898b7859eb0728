#include "support/model_gauntlet.h"

#include <cstdlib>

#include <sys/resource.h>

#include "base/error.h"
#include "base/files.h"
#include "engine/model_trial.h"
#include "models/models.h"
#include "support/paths.h"

namespace urial::test {

Gauntlet run_gauntlet(const std::filesystem::path& model, const std::optional<std::filesystem::path>& adapter) {
    engine::ModelOptions options;
    options.path = model;
    options.content_hash = "unused";
    if (adapter) options.adapters.push_back({*adapter, 1.0F});
    try {
        models::check_model(model);
        if (adapter) models::check_adapter(*adapter);
    } catch (const Error& failure) {
        return {Gauntlet::End::Refused, failure.what()};
    }
    try {
        engine::TrialOptions trial;
        trial.program = binary_path();
        engine::try_model(options, trial);
        engine::exercise_model(options);
    } catch (const Error& failure) {
        return {Gauntlet::End::Tried, failure.what()};
    }
    return {Gauntlet::End::Used, ""};
}

FuzzRange fuzz_range(std::uint64_t count) {
    FuzzRange range{0, count};
    if (const auto value = environment("URIAL_FUZZ_CASES")) range.count = std::stoull(*value);
    if (const auto value = environment("URIAL_FUZZ_FIRST")) range.first = std::stoull(*value);
    return range;
}

std::uint64_t peak_memory() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace urial::test

#pragma once

// What made a run, as JSON, compared with what would continue it. Pure but for the clock.

#include <string>

#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "generate/generate.h"

namespace urial::generate {

/// The first entry that differs, as "sampling.seed was 1 and is now 2"; an entry that only one of the two has differs
/// too. Empty where none does.
std::string first_difference(const nlohmann::ordered_json& before, const nlohmann::ordered_json& now,
                             const std::string& path = "");

/// The same for identities of runs. What servers say of their model counts only where both runs have asked them.
std::string difference_of_runs(const nlohmann::ordered_json& before, const nlohmann::ordered_json& now);
/// `identity` with what the other one's servers said of a model, or of those of `base` and `aligned`, where its own
/// were not asked.
nlohmann::ordered_json with_served(nlohmann::ordered_json identity, const nlohmann::ordered_json& other);
/// Of the identity what names records: what servers say of their models is compared, but names nothing, since what came
/// in a file is the same.
std::string hash_of_identity(nlohmann::ordered_json identity);

/// What a run that goes on must say of the `arithmetic`, `device` and `threads` that the manifest of the run before
/// names, as a sentence: in the engine's arithmetic on a CPU the number of threads decides the order of some sums, and
/// so may change greedy answers. Empty where nothing changes.
std::string change_of_arithmetic(const nlohmann::ordered_json& manifest, const engine::ModelInfo& now, int threads);

/// What a manifest says of how a model's numbers come about: "arithmetic", "arithmetic_version", and "device" where a
/// GPU has layers of it.
nlohmann::ordered_json describe_computation(const engine::ModelInfo& model);
/// Where that was: "the CPU", "NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3 (20 of 33 layers)". What says nothing of
/// a device was on the CPU.
std::string device_text(const nlohmann::ordered_json& computation);
/// Those GPUs, with what may change between two runs on one machine: their numbers and drivers. Empty without any.
nlohmann::ordered_json describe_devices(const engine::ModelInfo& model);

/// What a manifest says of a model's adapters, and of the engine.
nlohmann::ordered_json describe_adapters(const engine::ModelInfo& model);
nlohmann::ordered_json describe_engine();

/// The sampling options by their names, as manifests and saved conversations have them.
nlohmann::ordered_json describe_sampling(const SamplingOptions& sampling);

/// The time in UTC, "2025-01-31T12:00:00Z".
std::string timestamp();

}  // namespace urial::generate

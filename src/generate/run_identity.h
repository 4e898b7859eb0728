#pragma once

// What made a run, as JSON, compared with what would continue it. Pure but for the clock.

#include <string>

#include <nlohmann/json.hpp>

namespace urial::generate {

/// The first entry that differs, as "sampling.seed was 1 and is now 2"; an entry that only one of the two has differs
/// too. Empty where none does.
std::string first_difference(const nlohmann::ordered_json& before, const nlohmann::ordered_json& now,
                             const std::string& path = "");

/// The time in UTC, "2025-01-31T12:00:00Z".
std::string timestamp();

}  // namespace urial::generate

#pragma once

// The whole way of a file that may be hostile, as a command takes it: the check, the trial in a process of its own,
// and, where both let it pass, its use in this process.

#include <filesystem>
#include <optional>
#include <string>

namespace urial::test {

struct Gauntlet {
    enum class End { Refused, Tried, Used } end = End::Refused;  ///< by the check; by the trial; it was usable
    std::string reason;                                          ///< of the first two
};

/// Dies where the file gets through both and then ends the engine: the test's name is then the reason.
Gauntlet run_gauntlet(const std::filesystem::path& model, const std::optional<std::filesystem::path>& adapter = {});

/// How many mutants a test makes, from URIAL_FUZZ_CASES or as given, and the seed of the first (URIAL_FUZZ_FIRST).
struct FuzzRange {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};
FuzzRange fuzz_range(std::uint64_t count);

/// The most memory that this process has ever had, in bytes.
std::uint64_t peak_memory();

}  // namespace urial::test

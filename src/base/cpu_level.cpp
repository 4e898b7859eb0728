#include "base/cpu_level.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"

namespace urial {
namespace {

constexpr const char* kVariable = "URIAL_CPU_LEVEL";
constexpr std::array<std::pair<std::string_view, CpuLevel>, 4> kLevels{{{"baseline", CpuLevel::Baseline},
                                                                        {"avx2", CpuLevel::Avx2},
                                                                        {"avx512", CpuLevel::Avx512},
                                                                        {"avx512-vnni", CpuLevel::Avx512Vnni}}};

CpuLevel level_of_this_cpu() {
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
        return CpuLevel::Baseline;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return CpuLevel::Avx2;
    return __builtin_cpu_supports("avx512vnni") ? CpuLevel::Avx512Vnni : CpuLevel::Avx512;
#else
    return CpuLevel::Baseline;
#endif
}

}  // namespace

CpuLevel lowered(CpuLevel has, const std::optional<std::string>& name) {
    if (!name) return has;
    for (const auto& [known, level] : kLevels) {
        if (known == *name) return std::min(has, level);
    }
    throw error(ErrorKind::BadInput,
                "{}={}: no such level of instruction sets\nuse baseline, avx2, avx512 or avx512-vnni, "
                "or leave it out to use all that the CPU has",
                kVariable, *name);
}

CpuLevel cpu_level() {
    static const CpuLevel level = lowered(level_of_this_cpu(), environment(kVariable));
    return level;
}

}  // namespace urial

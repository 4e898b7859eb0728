#pragma once

// Which instruction sets the program's own loops may use. Loops that exist in several versions ask here which to take.

#include <optional>
#include <string>

namespace urial {

/// Each has what the ones before it have.
enum class CpuLevel {
    Baseline,    ///< what every machine of the architecture has
    Avx2,        ///< AVX2, FMA and F16C
    Avx512,      ///< AVX-512 F, BW, DQ and VL
    Avx512Vnni,  ///< and VNNI
};

/// What this CPU has, but at most what URIAL_CPU_LEVEL names; the same for the whole life of the process. A name that
/// is none throws Error{BadInput}.
CpuLevel cpu_level();

/// `has`, but at most what `name` names ("baseline", "avx2", "avx512", "avx512-vnni").
CpuLevel lowered(CpuLevel has, const std::optional<std::string>& name);

}  // namespace urial

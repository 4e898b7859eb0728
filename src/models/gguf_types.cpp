#include "models/gguf_types.h"

#include <array>

#include <fmt/format.h>

namespace urial::models {
namespace {

constexpr BlockLayout kNone{"", 0, 0};

/// By type number; the gaps are formats that were removed.
constexpr std::array<BlockLayout, 43> kLayouts{{
    {"F32", 1, 4},  // 0
    {"F16", 1, 2},
    {"Q4_0", 32, 18},
    {"Q4_1", 32, 20},
    kNone,
    kNone,  // 5
    {"Q5_0", 32, 22},
    {"Q5_1", 32, 24},
    {"Q8_0", 32, 34},
    {"Q8_1", 32, 36, false},
    {"Q2_K", 256, 84},  // 10
    {"Q3_K", 256, 110},
    {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},
    {"Q6_K", 256, 210},
    {"Q8_K", 256, 292, false},  // 15
    {"IQ2_XXS", 256, 66},
    {"IQ2_XS", 256, 74},
    {"IQ3_XXS", 256, 98},
    {"IQ1_S", 256, 50},
    {"IQ4_NL", 32, 18},  // 20
    {"IQ3_S", 256, 110},
    {"IQ2_S", 256, 82},
    {"IQ4_XS", 256, 136},
    {"I8", 1, 1, false},
    {"I16", 1, 2, false},  // 25
    {"I32", 1, 4, false},
    {"I64", 1, 8, false},
    {"F64", 1, 8, false},
    {"IQ1_M", 256, 56},
    {"BF16", 1, 2},  // 30
    kNone,
    kNone,
    kNone,
    {"TQ1_0", 256, 54},
    {"TQ2_0", 256, 66},  // 35
    kNone,
    kNone,
    kNone,
    {"MXFP4", 32, 17},
    {"NVFP4", 64, 36},  // 40
    {"Q1_0", 128, 18},
    {"Q2_0", 64, 18},
}};

/// By file type number; the gaps are formats that were removed.
constexpr std::array<std::string_view, 42> kFileTypes{
    "F32",
    "F16",
    "Q4_0",
    "Q4_1",
    "",
    "",
    "",
    "Q8_0",
    "Q5_0",
    "Q5_1",
    "Q2_K - Medium",
    "Q3_K - Small",
    "Q3_K - Medium",
    "Q3_K - Large",
    "Q4_K - Small",
    "Q4_K - Medium",
    "Q5_K - Small",
    "Q5_K - Medium",
    "Q6_K",
    "IQ2_XXS",
    "IQ2_XS",
    "Q2_K - Small",
    "IQ3_XS",
    "IQ3_XXS",
    "IQ1_S",
    "IQ4_NL",
    "IQ3_S",
    "IQ3_M",
    "IQ2_S",
    "IQ2_M",
    "IQ4_XS",
    "IQ1_M",
    "BF16",
    "",
    "",
    "",
    "TQ1_0",
    "TQ2_0",
    "MXFP4",
    "NVFP4",
    "Q1_0",
    "Q2_0",
};

}  // namespace

std::optional<BlockLayout> block_layout(std::uint32_t type) {
    if (type >= kLayouts.size() || kLayouts[type].elements == 0) return std::nullopt;
    return kLayouts[type];
}

std::string file_type_name(std::uint64_t file_type) {
    if (file_type < kFileTypes.size() && !kFileTypes[file_type].empty()) return std::string(kFileTypes[file_type]);
    return fmt::format("unknown ({})", file_type);
}

}  // namespace urial::models

#include <gtest/gtest.h>

#include "base/cpu_level.h"
#include "support/expect_error.h"

namespace urial {
namespace {

TEST(CpuLevel, a_name_lowers_what_the_cpu_has) {
    EXPECT_EQ(lowered(CpuLevel::Avx512Vnni, "avx512"), CpuLevel::Avx512);
    EXPECT_EQ(lowered(CpuLevel::Avx512Vnni, "avx2"), CpuLevel::Avx2);
    EXPECT_EQ(lowered(CpuLevel::Avx512Vnni, "baseline"), CpuLevel::Baseline);
    EXPECT_EQ(lowered(CpuLevel::Avx512Vnni, std::nullopt), CpuLevel::Avx512Vnni);
}

TEST(CpuLevel, a_name_never_adds_what_the_cpu_lacks) {
    EXPECT_EQ(lowered(CpuLevel::Avx2, "avx512-vnni"), CpuLevel::Avx2);
    EXPECT_EQ(lowered(CpuLevel::Baseline, "avx2"), CpuLevel::Baseline);
}

TEST(CpuLevel, a_name_that_is_none_is_an_error_that_lists_the_names) {
    EXPECT_ERROR(lowered(CpuLevel::Avx2, "sse9"), ErrorKind::BadInput,
                 "URIAL_CPU_LEVEL=sse9: no such level of instruction sets\nuse baseline, avx2, avx512 or avx512-vnni");
}

}  // namespace
}  // namespace urial

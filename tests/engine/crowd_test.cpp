#include "engine/crowd.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include <gtest/gtest.h>

namespace urial::engine {
namespace {

using std::chrono::milliseconds;

TEST(Crowd, few_preemptions_are_no_crowd) {
    Crowd crowd;
    const Crowd::Time start;
    for (int ms = 0; ms < 5000; ms += 10)
        EXPECT_FALSE(crowd.is_here(start + milliseconds(ms), ms / 50));  // 20 a second
}

TEST(Crowd, frequent_preemptions_are_a_crowd_within_a_window_and_until_they_have_been_rare_for_a_while) {
    Crowd crowd;
    const Crowd::Time start;
    EXPECT_FALSE(crowd.is_here(start, 1000));  // of before
    EXPECT_FALSE(crowd.is_here(start + milliseconds(50), 1010));
    EXPECT_TRUE(crowd.is_here(start + milliseconds(100), 1020));
    EXPECT_TRUE(crowd.is_here(start + milliseconds(1000), 1020));
    EXPECT_TRUE(crowd.is_here(start + milliseconds(1100), 1040));
    EXPECT_TRUE(crowd.is_here(start + milliseconds(4000), 1041));
    EXPECT_FALSE(crowd.is_here(start + milliseconds(4200), 1042));
    EXPECT_TRUE(crowd.is_here(start + milliseconds(4400), 1062));
}

TEST(Crowd, what_happened_long_ago_in_a_long_computation_counts_by_its_rate) {
    Crowd crowd;
    const Crowd::Time start;
    crowd.is_here(start, 0);
    EXPECT_FALSE(crowd.is_here(start + std::chrono::seconds(10), 300));
    EXPECT_TRUE(crowd.is_here(start + std::chrono::seconds(20), 1800));
}

#ifdef _OPENMP
/// CPU milliseconds that a thread takes to wait 4 ms for another one.
double milliseconds_of_waiting() {
    double spent = 0;
#pragma omp parallel num_threads(2)
    {
        int thread = 0;
#pragma omp critical
        {
            static int count = 0;
            thread = count++ % 2;
        }
        timespec before{}, after{};
#pragma omp barrier
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        if (thread == 1) std::this_thread::sleep_for(milliseconds(4));
#pragma omp barrier
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        if (thread == 0) {
            spent = static_cast<double>(after.tv_sec - before.tv_sec) * 1e3 +
                    static_cast<double>(after.tv_nsec - before.tv_nsec) * 1e-6;
        }
    }
    return spent;
}

TEST(ShortWaits, a_thread_that_waits_sleeps_instead_of_spinning) {
    const ShortWaits short_waits;
    double least = milliseconds_of_waiting();  // the team that makes waits short may still be starting
    for (int i = 0; i < 50; ++i) least = std::min(least, milliseconds_of_waiting());
    EXPECT_LT(least, 0.5);
}
#endif

}  // namespace
}  // namespace urial::engine

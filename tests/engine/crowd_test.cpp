#include "engine/crowd.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include <gtest/gtest.h>

namespace urial::engine {
namespace {

using std::chrono::milliseconds;

constexpr int kMost = 15;

/// Counts as the engine does: only what is due.
class Watched {
public:
    bool is_here(int ms, long preemptions, double waited = 0) {
        const Crowd::Time now = start_ + milliseconds(ms);
        if (crowd_.is_due(now)) crowd_.add(now, {preemptions, waited}, kMost);
        return crowd_.is_here(now);
    }
    int left_out(int ms, double waited) {
        is_here(ms, 0, waited);
        return crowd_.threads_left_out();
    }

private:
    Crowd crowd_;
    Crowd::Time start_;
};

TEST(Crowd, few_preemptions_are_no_crowd) {
    Watched crowd;
    for (int ms = 0; ms < 5000; ms += 10) EXPECT_FALSE(crowd.is_here(ms, ms / 50));  // 20 a second
}

TEST(Crowd, frequent_preemptions_are_a_crowd_within_a_window_and_until_they_have_been_rare_for_a_while) {
    Watched crowd;
    EXPECT_FALSE(crowd.is_here(0, 1000));  // of before
    EXPECT_FALSE(crowd.is_here(50, 1010));
    EXPECT_TRUE(crowd.is_here(100, 1020));
    EXPECT_TRUE(crowd.is_here(1000, 1020));
    EXPECT_TRUE(crowd.is_here(1100, 1040));
    EXPECT_TRUE(crowd.is_here(4000, 1041));
    EXPECT_FALSE(crowd.is_here(4200, 1042));
    EXPECT_TRUE(crowd.is_here(4400, 1062));
}

TEST(Crowd, what_happened_long_ago_in_a_long_computation_counts_by_its_rate) {
    Watched crowd;
    crowd.is_here(0, 0);
    EXPECT_FALSE(crowd.is_here(10'000, 300));
    EXPECT_TRUE(crowd.is_here(20'000, 1800));
}

TEST(Crowd, threads_are_left_out_one_by_one_while_they_wait_for_cores) {
    Watched crowd;
    EXPECT_EQ(crowd.left_out(0, 100.0), 0);     // of before
    EXPECT_EQ(crowd.left_out(100, 100.04), 0);  // 0.4 of the time
    EXPECT_EQ(crowd.left_out(200, 100.11), 1);
    EXPECT_EQ(crowd.left_out(300, 100.18), 2);
    EXPECT_EQ(crowd.left_out(400, 100.18), 2);
}

TEST(Crowd, more_threads_are_tried_when_they_have_not_waited_for_a_while) {
    Watched crowd;
    crowd.left_out(0, 0);
    for (int window = 1; window <= 5; ++window) crowd.left_out(100 * window, 0.1 * window);
    EXPECT_EQ(crowd.left_out(3400, 0.5), 5);
    EXPECT_EQ(crowd.left_out(3600, 0.5), 2);
    EXPECT_EQ(crowd.left_out(6500, 0.5), 2);
    EXPECT_EQ(crowd.left_out(6700, 0.5), 1);
    EXPECT_EQ(crowd.left_out(9800, 0.5), 0);
}

TEST(Crowd, a_thread_is_left_to_compute_whatever_happens) {
    Watched crowd;
    for (int window = 0; window < 50; ++window) crowd.left_out(100 * window, 0.2 * window);
    EXPECT_EQ(crowd.left_out(5000, 10), kMost);
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

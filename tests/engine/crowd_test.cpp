#include "engine/crowd.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include <gtest/gtest.h>

#include "support/sanitizer.h"

namespace urial::engine {
namespace {

using std::chrono::milliseconds;

constexpr int kMost = 15;

/// Counts as the engine does: only what is due.
class Watched {
public:
    bool is_here(int ms, double waited) {
        const Crowd::Time now = start_ + milliseconds(ms);
        if (crowd_.is_due(now)) crowd_.add(now, waited, kMost);
        return crowd_.is_here(now);
    }
    int left_out(int ms, double waited) {
        is_here(ms, waited);
        return crowd_.threads_left_out();
    }

private:
    Crowd crowd_;
    Crowd::Time start_;
};

TEST(Crowd, a_little_waiting_is_no_crowd) {
    Watched crowd;
    for (int ms = 0; ms < 5000; ms += 10) EXPECT_FALSE(crowd.is_here(ms, ms * 1e-4)) << ms;  // a tenth of the time
}

TEST(Crowd, much_waiting_is_a_crowd_within_a_window_and_until_there_was_little_for_a_while) {
    Watched crowd;
    EXPECT_FALSE(crowd.is_here(0, 70.0));  // of before
    EXPECT_FALSE(crowd.is_here(100, 70.08));
    EXPECT_TRUE(crowd.is_here(200, 70.08));
    EXPECT_TRUE(crowd.is_here(1000, 70.08));
    EXPECT_TRUE(crowd.is_here(1200, 70.16));
    EXPECT_TRUE(crowd.is_here(4000, 70.2));
    EXPECT_FALSE(crowd.is_here(4300, 70.21));
    EXPECT_TRUE(crowd.is_here(4500, 70.3));
}

TEST(Crowd, what_happened_long_ago_in_a_long_computation_counts_by_its_share) {
    Watched crowd;
    crowd.is_here(0, 0);
    EXPECT_FALSE(crowd.is_here(10'000, 3));
    EXPECT_TRUE(crowd.is_here(20'000, 7));
}

TEST(Crowd, threads_are_left_out_one_by_one_while_they_wait_for_cores) {
    Watched crowd;
    EXPECT_EQ(crowd.left_out(0, 100.0), 0);     // of before
    EXPECT_EQ(crowd.left_out(200, 100.08), 0);  // 0.4 of the time
    EXPECT_EQ(crowd.left_out(400, 100.22), 1);
    EXPECT_EQ(crowd.left_out(600, 100.36), 2);
    EXPECT_EQ(crowd.left_out(800, 100.36), 2);
}

TEST(Crowd, more_threads_are_tried_when_they_have_not_waited_for_a_while) {
    Watched crowd;
    crowd.left_out(0, 0);
    for (int window = 1; window <= 5; ++window) crowd.left_out(200 * window, 0.2 * window);
    EXPECT_EQ(crowd.left_out(3900, 1.0), 5);
    EXPECT_EQ(crowd.left_out(4200, 1.0), 2);
    EXPECT_EQ(crowd.left_out(7100, 1.0), 2);
    EXPECT_EQ(crowd.left_out(7400, 1.0), 1);
    EXPECT_EQ(crowd.left_out(10'500, 1.0), 0);
}

TEST(Crowd, a_thread_is_left_to_compute_whatever_happens) {
    Watched crowd;
    for (int window = 0; window < 50; ++window) crowd.left_out(200 * window, 0.4 * window);
    EXPECT_EQ(crowd.left_out(10'000, 20), kMost);
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
    if (test::is_sanitized()) GTEST_SKIP() << "the parts have no OpenMP then";
    const ShortWaits short_waits;
    double least = milliseconds_of_waiting();  // the team that makes waits short may still be starting
    for (int i = 0; i < 50; ++i) least = std::min(least, milliseconds_of_waiting());
    EXPECT_LT(least, 0.5);
}
#endif

}  // namespace
}  // namespace urial::engine

#include "terminal/progress_bar.h"

#include <gtest/gtest.h>

namespace urial::terminal {
namespace {

ProgressState download() {
    return {.label = "model",
            .unit = ProgressUnit::Bytes,
            .first = 0,
            .done = 50'000'000,
            .total = 200'000'000,
            .seconds = 5};
}

TEST(ProgressBar, shows_share_amount_rate_and_remaining_time) {
    EXPECT_EQ(format_progress(download(), 100),
              "model  [#######-----------------------]   25%  50.0 MB/200.0 MB  10.0 MB/s  15.0s left");
}

TEST(ProgressBar, a_resumed_run_counts_its_rate_from_where_it_began) {
    ProgressState state = download();
    state.first = 40'000'000;
    EXPECT_NE(format_progress(state, 100).find("2.0 MB/s  1m15s left"), std::string::npos)
        << format_progress(state, 100);
}

TEST(ProgressBar, items_are_counted_in_whole_numbers) {
    const ProgressState state{
        .label = "answers", .unit = ProgressUnit::Items, .first = 0, .done = 12, .total = 48, .seconds = 8};
    EXPECT_EQ(format_progress(state, 60), "answers  [####------------]   25%  12/48  1.50/s  24.0s left");
}

TEST(ProgressBar, a_second_rate_stands_beside_the_first) {
    const ProgressState state{.label = "answers",
                              .unit = ProgressUnit::Items,
                              .first = 0,
                              .done = 12,
                              .total = 48,
                              .seconds = 8,
                              .detail = rate_detail(3400, 8, "tokens")};
    EXPECT_EQ(format_progress(state, 74), "answers  [####------------]   25%  12/48  1.50/s  425 tokens/s  24.0s left");
    EXPECT_EQ(rate_detail(20, 8, "tokens"), "2.5 tokens/s");
    EXPECT_EQ(rate_detail(0, 8, "tokens"), "");
    EXPECT_EQ(rate_detail(3400, 0, "tokens"), "");
}

TEST(ProgressBar, an_unknown_total_shows_no_share) {
    ProgressState state = download();
    state.total = 0;
    EXPECT_EQ(format_progress(state, 80), "model  50.0 MB  10.0 MB/s");
}

TEST(ProgressBar, before_the_first_byte_there_is_no_rate) {
    ProgressState state = download();
    state.done = 0;
    state.seconds = 0;
    EXPECT_EQ(format_progress(state, 45), "model  [----------------]    0%  0 B/200.0 MB");
}

TEST(ProgressBar, more_than_the_total_counts_as_done) {
    ProgressState state = download();
    state.done = 300'000'000;
    EXPECT_NE(format_progress(state, 100).find("]  100%  200.0 MB/200.0 MB"), std::string::npos);
}

TEST(ProgressBar, never_grows_beyond_the_terminal) {
    for (std::size_t columns = 0; columns < 120; ++columns)
        EXPECT_LE(format_progress(download(), columns).size(), columns);
    EXPECT_EQ(format_progress(download(), 50), " 25%  50.0 MB/200.0 MB  10.0 MB/s  15.0s left");
}

TEST(ProgressBar, is_silent_without_a_terminal) {
    ::testing::internal::CaptureStderr();
    {
        ProgressBar bar(Terminal{}, "model", ProgressUnit::Bytes);
        bar.update(1, 2);
        bar.clear();
    }
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(ProgressBar, redraws_in_place_and_leaves_nothing_behind) {
    Terminal terminal;
    terminal.progress = true;
    ::testing::internal::CaptureStderr();
    {
        ProgressBar bar(terminal, "model", ProgressUnit::Bytes);
        for (int step = 0; step < 1000; ++step) bar.update(1, 2);
    }
    const std::string output = ::testing::internal::GetCapturedStderr();
    EXPECT_TRUE(output.starts_with("\rmodel")) << output;
    EXPECT_TRUE(output.ends_with("\r\x1b[K")) << output;
    EXPECT_LT(output.size(), 500U) << "a thousand updates at once are one or two drawings";
}

TEST(ProgressBar, what_is_done_in_a_moment_shows_nothing) {
    Terminal terminal;
    terminal.progress = true;
    ::testing::internal::CaptureStderr();
    {
        ProgressBar bar(terminal, "model", ProgressUnit::Bytes, std::chrono::hours(1));
        for (int step = 0; step < 10; ++step) bar.update(1, 2);
        const auto progress = patient_progress(terminal, "model", ProgressUnit::Bytes);
        progress(0, 2);
        progress(2, 2);
    }
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    EXPECT_FALSE(patient_progress(Terminal{}, "model", ProgressUnit::Bytes)) << "no terminal";
}

}  // namespace
}  // namespace urial::terminal

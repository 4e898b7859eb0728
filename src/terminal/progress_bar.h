#pragma once

// A progress bar on standard error, for downloads and batch runs: share, amount, rate, remaining time. Silent where
// Terminal::progress is false. One thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "terminal/terminal.h"

namespace urial::terminal {

enum class ProgressUnit { Bytes, Items };

struct ProgressState {
    std::string label;
    ProgressUnit unit = ProgressUnit::Items;
    std::uint64_t first = 0;  ///< what was done when the clock began: a resumed download or run
    std::uint64_t done = 0;
    std::uint64_t total = 0;  ///< 0: not known
    double seconds = 0;       ///< since the clock began
    std::string detail;       ///< another rate, "340 tokens/s"; may be empty
};

/// "340 tokens/s" of what was done since a clock began; empty before anything was.
std::string rate_detail(std::uint64_t count, double seconds, std::string_view unit);

/// One line of at most `columns` characters without a line break. What does not fit is left out, the bar first.
std::string format_progress(const ProgressState& state, std::size_t columns);

class ProgressBar {
public:
    /// Nothing is shown in the first `patience` after the first update.
    ProgressBar(const Terminal& terminal, std::string label, ProgressUnit unit,
                std::chrono::milliseconds patience = {});
    ~ProgressBar() { clear(); }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    /// Redraws at most ten times a second. The first call starts the clock.
    void update(std::uint64_t done, std::uint64_t total, std::string_view detail = {});
    /// Takes the line away; the next update() brings it back. Call it before other text goes to standard error.
    void clear();

private:
    using Clock = std::chrono::steady_clock;

    bool enabled_;
    std::chrono::milliseconds patience_;
    bool shown_ = false;
    bool started_ = false;
    ProgressState state_;
    Clock::time_point start_;
    Clock::time_point next_draw_;
};

/// For work that is mostly done in a moment: a bar that comes after a second and goes when all is done.
std::function<void(std::uint64_t done, std::uint64_t total)> patient_progress(const Terminal& terminal,
                                                                              std::string label, ProgressUnit unit);

}  // namespace urial::terminal

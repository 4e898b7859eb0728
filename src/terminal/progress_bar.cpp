#include "terminal/progress_bar.h"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include <fmt/format.h>

#include "base/text.h"
#include "terminal/columns.h"

namespace urial::terminal {
namespace {

constexpr std::size_t kLongestBar = 30;
constexpr std::size_t kShortestBar = 8;
constexpr std::size_t kColumnsElsewhere = 80;

std::string amount(ProgressUnit unit, double value) {
    return unit == ProgressUnit::Bytes ? human_bytes(value) : fmt::format("{:.0f}", value);
}

std::string rate_text(ProgressUnit unit, double per_second) {
    if (unit == ProgressUnit::Bytes) return human_bytes(per_second) + "/s";
    return fmt::format("{:.{}f}/s", per_second, per_second < 10 ? 2 : 0);
}

std::string bar(double share, std::size_t length) {
    const auto full = static_cast<std::size_t>(share * static_cast<double>(length));
    return "[" + std::string(full, '#') + std::string(length - full, '-') + "]";
}

}  // namespace

std::string rate_detail(std::uint64_t count, double seconds, std::string_view unit) {
    if (count == 0 || !(seconds > 0)) return "";
    const double rate = static_cast<double>(count) / seconds;
    return fmt::format("{:.{}f} {}/s", rate, rate < 10 ? 1 : 0, unit);
}

std::string format_progress(const ProgressState& state, std::size_t columns) {
    const std::uint64_t total = state.total;
    const std::uint64_t done = total > 0 ? std::min(state.done, total) : state.done;
    const double rate =
        state.seconds > 0 && done > state.first ? static_cast<double>(done - state.first) / state.seconds : 0;
    const std::string label = printable(state.label) + "  ";
    std::string numbers;
    double share = 0;
    if (total > 0) {
        share = static_cast<double>(done) / static_cast<double>(total);
        // Rounded down: 100 % is for what is finished.
        numbers =
            fmt::format("{:3}%  {}/{}", static_cast<int>(share * 100), amount(state.unit, static_cast<double>(done)),
                        amount(state.unit, static_cast<double>(total)));
    } else {
        numbers = amount(state.unit, static_cast<double>(done));
    }
    if (rate > 0) numbers += "  " + rate_text(state.unit, rate);
    if (!state.detail.empty()) numbers += "  " + printable(state.detail);
    if (rate > 0 && total > done) {
        numbers += fmt::format("  {} left", human_seconds(static_cast<double>(total - done) / rate));
    }
    std::string line = label + numbers;
    const std::size_t beside_bar = line.size() + 4;  // brackets and two spaces
    if (total > 0 && beside_bar + kShortestBar <= columns) {
        line = label + bar(share, std::min(kLongestBar, columns - beside_bar)) + "  " + numbers;
    }
    if (line.size() > columns) line = numbers;
    line.resize(std::min(line.size(), columns));
    return line;
}

ProgressBar::ProgressBar(const Terminal& terminal, std::string label, ProgressUnit unit,
                         std::chrono::milliseconds patience)
    : enabled_(terminal.progress), patience_(patience) {
    state_.label = std::move(label);
    state_.unit = unit;
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total, std::string_view detail) {
    if (!enabled_) return;
    const auto now = Clock::now();
    if (!started_) {
        started_ = true;
        start_ = now;
        state_.first = done;
        next_draw_ = now + patience_;
    }
    if (now < next_draw_) return;
    next_draw_ = now + std::chrono::milliseconds(100);
    state_.done = done;
    state_.total = total;
    state_.detail = detail;
    state_.seconds = std::chrono::duration<double>(now - start_).count();
    // The last column stays free: a full line would wrap on some terminals.
    fmt::print(stderr, "\r{}\x1b[K",
               format_progress(state_, terminal_columns(STDERR_FILENO).value_or(kColumnsElsewhere) - 1));
    std::fflush(stderr);
    shown_ = true;
}

void ProgressBar::clear() {
    if (!shown_) return;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    shown_ = false;
}

std::function<void(std::uint64_t done, std::uint64_t total)> patient_progress(const Terminal& terminal,
                                                                              std::string label, ProgressUnit unit) {
    if (!terminal.progress) return {};
    std::shared_ptr<ProgressBar> bar;
    return [=](std::uint64_t done, std::uint64_t total) mutable {
        if (!bar) bar = std::make_shared<ProgressBar>(terminal, label, unit, std::chrono::seconds(1));
        bar->update(done, total);
        if (done == total) bar.reset();
    };
}

}  // namespace urial::terminal

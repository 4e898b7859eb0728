// Question: how near to the memory limit is the token-distribution-shift kernel, and what does a position cost?
// Peers: a sum over the same memory (the limit), and the same measures as plain double loops (what one writes first).
// Command: bench_shift_kernel [rows = 64] [vocabulary = 262144] [repeats = 15]
//
// The rows are 128 MiB by default, more than the caches hold, as the logits of a forced pass are. "GB/s" counts every
// logit once; the kernel reads a row twice.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "shift/kernel.h"
#include "shift_kernel_peers.h"

namespace {

using urial::shift::KernelPath;
using urial::shift::PositionStats;
using urial::shift::RowPair;

struct Work {
    std::size_t rows, vocabulary, repeats;
};

/// Both models' logits: normal with a spread as Gemma's rows have, the base a noisy copy.
struct Logits {
    explicit Logits(const Work& work) : aligned(work.rows * work.vocabulary), base(aligned.size()) {
        std::mt19937 random(1);
        std::normal_distribution<float> spread(-10, 3), noise(0, 1);
        for (std::size_t i = 0; i < aligned.size(); ++i) {
            aligned[i] = spread(random);
            base[i] = aligned[i] + noise(random);
        }
    }
    std::vector<float> aligned, base;
};

/// Runs `call` (which works on all rows) and prints one line: median and spread of its repeats.
void measure(const std::string& name, unsigned threads, const Work& work, const std::function<void()>& call) {
    call();
    std::vector<double> seconds;
    for (std::size_t i = 0; i < work.repeats; ++i) {
        const auto start = std::chrono::steady_clock::now();
        call();
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2], rows = static_cast<double>(work.rows);
    const double logits = 2 * rows * static_cast<double>(work.vocabulary);
    std::printf("%-22s %u   %8.3f   %8.3f - %-8.3f %7.3f   %7.2f\n", name.c_str(), threads, 1e3 * median / rows,
                1e3 * seconds.front() / rows, 1e3 * seconds.back() / rows, 1e9 * median / logits,
                4e-9 * logits / median);
}

/// Calls body(row) for all rows on so many threads, each a contiguous share.
void for_rows(const Work& work, unsigned threads, const std::function<void(std::size_t)>& body) {
    std::vector<std::jthread> workers;
    for (unsigned t = 0; t < threads; ++t) {
        workers.emplace_back([&work, &body, t, threads] {
            for (std::size_t row = t * work.rows / threads; row < (t + 1) * work.rows / threads; ++row) body(row);
        });
    }
}

void measure_all(const Work& work, const Logits& logits, unsigned threads) {
    const auto row_of = [&](const std::vector<float>& all, std::size_t row) {
        return all.data() + row * work.vocabulary;
    };
    std::vector<float> sums(work.rows);
    measure("sum (memory limit)", threads, work, [&] {
        for_rows(work, threads, [&](std::size_t row) {
            sums[row] = urial::bench::plain_sum(row_of(logits.aligned, row), work.vocabulary) +
                        urial::bench::plain_sum(row_of(logits.base, row), work.vocabulary);
        });
    });
    std::vector<RowPair> rows;
    for (std::size_t i = 0; i < work.rows; ++i) {
        const auto token = static_cast<urial::shift::Token>(i * 7919 % work.vocabulary);
        rows.push_back({row_of(logits.aligned, i), row_of(logits.base, i), token, i});
    }
    std::vector<PositionStats> stats(work.rows);
    for (const KernelPath path : urial::shift::available_paths()) {
        measure("kernel, " + std::string(urial::shift::path_name(path)), threads, work, [&] {
            urial::shift::score_positions(
                rows, {.vocabulary_size = work.vocabulary, .threads = static_cast<int>(threads), .path = path}, stats);
        });
    }
    std::vector<urial::bench::NaiveStats> naive(work.rows);
    measure("plain double loops", threads, work, [&] {
        for_rows(work, threads, [&](std::size_t row) {
            naive[row] = urial::bench::naive_statistics(rows[row].aligned, rows[row].base, work.vocabulary,
                                                        static_cast<std::size_t>(rows[row].token));
        });
    });
}

}  // namespace

int main(int count, char** arguments) {
    const auto number = [&](int index, std::size_t otherwise) {
        return index < count ? static_cast<std::size_t>(std::strtoull(arguments[index], nullptr, 10)) : otherwise;
    };
    const Work work = {.rows = number(1, 64), .vocabulary = number(2, 262144), .repeats = number(3, 15)};
    if (work.rows == 0 || work.vocabulary == 0 || work.repeats == 0) {
        std::fprintf(stderr, "usage: bench_shift_kernel [rows] [vocabulary] [repeats], each at least 1\n");
        return 2;
    }
    const Logits logits(work);
    std::printf("%zu positions, vocabulary %zu, median of %zu runs\n", work.rows, work.vocabulary, work.repeats);
    std::printf("%-16s threads   ms/position   fastest - slowest   ns/logit   GB/s\n", "");
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    for (unsigned threads = 1; threads <= cores; threads *= 2) measure_all(work, logits, threads);
    return 0;
}

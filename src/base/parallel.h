#pragma once

// Loops on several threads. Where the build has OpenMP these are its threads, which the engine computes with too: a
// second pool would compete with them for the cores. Elsewhere the loop runs on the caller's thread.

#include <algorithm>
#include <cstddef>
#include <exception>
#include <thread>

namespace urial {

/// `wanted`, or one per core where it is 0 or less.
inline int thread_count(int wanted) {
    return wanted > 0 ? wanted : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// Calls body(i) for every i below count, on thread_count(threads) threads; as many as the engine has is best, as a
/// team of another size is a new team. Of the exceptions that come the one of the smallest i is thrown after all are
/// done.
template <class Body>
void for_each_parallel(std::size_t count, int threads, const Body& body) {
    [[maybe_unused]] const int team = thread_count(threads);
    std::size_t failed = count;
    std::exception_ptr failure;
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic) num_threads(team) if (team > 1 && count > 1)
#endif
    for (std::size_t i = 0; i < count; ++i) {
        try {
            body(i);
        } catch (...) {
#ifdef _OPENMP
#pragma omp critical
#endif
            if (i < failed) {
                failed = i;
                failure = std::current_exception();
            }
        }
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace urial

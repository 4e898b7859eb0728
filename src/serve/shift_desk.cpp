#include "serve/shift_desk.h"

#include <utility>

#include <fmt/format.h>

namespace urial::serve {

ShiftDesk::ShiftDesk() : thread_([this] { run(); }) {}

ShiftDesk::~ShiftDesk() {
    {
        const MutexLock lock(mutex_);
        is_stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void ShiftDesk::submit(Job job) {
    {
        const MutexLock lock(mutex_);
        if (jobs_.size() >= kMostWaiting) {
            throw error(ErrorKind::Unavailable, "{} comparisons wait already: ask again later", jobs_.size());
        }
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
}

void ShiftDesk::run() {
    for (;;) {
        Job job;
        {
            const MutexLock lock(mutex_);
            changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return is_stopping_ || !jobs_.empty(); });
            if (jobs_.empty()) return;
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        try {
            if (is_stopping_) throw Error(ErrorKind::Unavailable, "the server is stopping");
            carry_out(job);
        } catch (const Error& failure) {
            job.on_failure(failure);
        } catch (const std::exception& failure) {
            job.on_failure(Error(ErrorKind::Model, failure.what()));
        }
    }
}

void ShiftDesk::carry_out(Job& job) {
    job.options.interrupted = [&] { return is_stopping_.load() || job.is_unwanted->load(); };
    job.options.session.watch.cancelled = job.options.interrupted;
    job.options.on_position = [&](std::size_t, const shift::PositionStats& at) {
        if (job.on_position) job.on_position(at);
    };
    const shift::ShiftItem* const item = &job.item;
    scorer_of(job).score(
        std::span(&item, 1), job.options, [] {},
        [&](std::size_t, shift::ScoredAnswer&& scored) {
            if (!scored.failure.empty()) throw Error(ErrorKind::BadInput, scored.failure);
            job.on_done(std::move(scored));
        });
}

const shift::Scorer& ShiftDesk::scorer_of(const Job& job) {
    const auto key_of = [](const shift::Side& side) {
        return fmt::format("{} {} {}", static_cast<const void*>(side.model.get()), side.use_adapters,
                           static_cast<const void*>(side.prompt.get()));
    };
    std::unique_ptr<shift::Scorer>& scorer = scorers_[key_of(job.base) + key_of(job.aligned)];
    if (!scorer) scorer = std::make_unique<shift::Scorer>(job.base, job.aligned, /*allowed_mismatch=*/0);
    return *scorer;
}

}  // namespace urial::serve

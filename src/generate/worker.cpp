#include "generate/worker.h"

#include <exception>
#include <utility>

namespace urial::generate {

std::string Mailbox::next_text() {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return has_ended_ || !text_.empty(); });
    return std::exchange(text_, {});
}

Result Mailbox::result() {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return has_ended_; });
    return std::exchange(result_, std::nullopt).value();
}

void Mailbox::put(std::string_view text) {
    if (text.empty()) return;
    {
        const MutexLock lock(mutex_);
        text_ += text;
    }
    changed_.notify_all();
}

void Mailbox::close(Result&& result) {
    {
        const MutexLock lock(mutex_);
        result_ = std::move(result);
        has_ended_ = true;
    }
    changed_.notify_all();
}

Worker::Worker(std::shared_ptr<const engine::Model> model, engine::SessionOptions options, std::size_t most_waiting)
    : model_(std::move(model)),
      session_(model_->new_session([&] {
          options.watch.cancelled = [this] { return is_interrupted_.load(); };
          return options;
      }())),
      scheduler_(*model_, *session_),
      most_load_(static_cast<std::size_t>(options.sequences) + most_waiting),
      thread_([this] { run(); }) {}

Worker::~Worker() {
    is_interrupted_ = true;
    {
        const MutexLock lock(mutex_);
        is_stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

std::shared_ptr<Mailbox> Worker::submit(Request request) {
    auto mailbox = std::make_shared<Mailbox>();
    {
        const MutexLock lock(mutex_);
        if (load_ >= most_load_) {
            throw error(ErrorKind::Unavailable, "{} requests wait already: ask again later", load_.load());
        }
        ++load_;
        inbox_.push_back({std::move(request), mailbox});
    }
    changed_.notify_one();
    return mailbox;
}

void Worker::interrupt() { is_interrupted_ = true; }

void Worker::run() {
    for (;;) {
        std::vector<Job> jobs;
        bool stops = false;
        {
            const MutexLock lock(mutex_);
            changed_.wait(mutex_,
                          [this]() REQUIRES(mutex_) { return is_stopping_ || !inbox_.empty() || !running_.empty(); });
            jobs = std::exchange(inbox_, {});
            stops = is_stopping_;
        }
        for (Job& job : jobs) start(std::move(job));
        end_unwanted();
        if (stops) return;
        step();
    }
}

void Worker::start(Job job) {
    auto running = std::make_shared<Running>();
    running->mailbox = job.mailbox;
    job.request.on_text = [mailbox = job.mailbox](std::string_view text) {
        mailbox->put(text);
        return !mailbox->is_cancelled();
    };
    job.request.on_done = [this, running](Result&& result) { finish(running, std::move(result)); };
    running_.push_back(running);
    try {
        running->ticket = scheduler_.submit(std::move(job.request));
    } catch (const Error& failure) {
        running->failure = failure;
        finish(running, {});
    }
}

void Worker::end_unwanted() {
    for (const auto& running : std::vector(running_)) {
        if (is_interrupted_ || running->mailbox->is_cancelled()) scheduler_.cancel(running->ticket);
    }
}

void Worker::step() {
    try {
        scheduler_.step();
    } catch (const std::exception& failure) {
        // Nobody knows whose fault it was.
        for (const auto& running : std::vector(running_)) {
            running->failure = Error(ErrorKind::Model, failure.what());
            scheduler_.cancel(running->ticket);
        }
    }
}

void Worker::finish(const std::shared_ptr<Running>& ended, Result&& result) {
    std::erase(running_, ended);
    --load_;
    if (ended->failure) {
        result.finish = FinishReason::Failed;
        result.failure = ended->failure;
    }
    ended->mailbox->close(std::move(result));
}

}  // namespace urial::generate

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

std::shared_ptr<Handle> Worker::post(Request request) {
    auto handle = std::make_shared<Handle>();
    {
        const MutexLock lock(mutex_);
        if (load_ >= most_load_) {
            throw error(ErrorKind::Unavailable, "{} requests wait already: ask again later", load_.load());
        }
        ++load_;
        inbox_.push_back({std::move(request), handle});
    }
    changed_.notify_one();
    return handle;
}

std::shared_ptr<Mailbox> Worker::submit(Request request) {
    auto mailbox = std::make_shared<Mailbox>();
    request.on_piece = [mailbox](const Piece& piece) {
        mailbox->put(piece.text);
        return true;
    };
    request.on_done = [mailbox](Result&& result) { mailbox->close(std::move(result)); };
    mailbox->handle_ = post(std::move(request));
    return mailbox;
}

void Worker::pin(std::vector<Token> tokens) {
    std::promise<void> done;
    std::future<void> pinned = done.get_future();
    {
        const MutexLock lock(mutex_);
        pins_.push_back({std::move(tokens), std::move(done)});
    }
    changed_.notify_one();
    pinned.get();
}

void Worker::interrupt() { is_interrupted_ = true; }

void Worker::run() {
    for (;;) {
        std::vector<Job> jobs;
        std::vector<Pin> pins;
        bool stops = false;
        {
            const MutexLock lock(mutex_);
            changed_.wait(mutex_, [this]() REQUIRES(mutex_) {
                return is_stopping_ || !inbox_.empty() || !pins_.empty() || !running_.empty();
            });
            jobs = std::exchange(inbox_, {});
            pins = std::exchange(pins_, {});
            stops = is_stopping_;
        }
        provide(pins, stops);
        for (Job& job : jobs) start(std::move(job));
        end_unwanted();
        if (stops) return;
        step();
    }
}

void Worker::start(Job job) {
    auto running = std::make_shared<Running>();
    running->handle = job.handle;
    running->on_done = std::move(job.request.on_done);
    job.request.on_done = [this, running](Result&& result) { finish(running, std::move(result)); };
    running_.push_back(running);
    try {
        running->ticket = scheduler_.submit(std::move(job.request));
    } catch (const Error& failure) {
        running->failure = failure;
        finish(running, {});
    }
}

void Worker::provide(std::span<Pin> pins, bool stops) {
    for (Pin& wanted : pins) {
        try {
            if (stops) throw engine::Cancelled();
            scheduler_.pin(wanted.tokens);
            wanted.done.set_value();
        } catch (...) {
            wanted.done.set_exception(std::current_exception());
        }
    }
}

void Worker::end_unwanted() {
    for (const auto& running : std::vector(running_)) {
        if (is_interrupted_ || running->handle->is_cancelled()) scheduler_.cancel(running->ticket);
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
    if (ended->on_done) ended->on_done(std::move(result));
}

}  // namespace urial::generate

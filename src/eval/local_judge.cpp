// Two classes: LocalJudge turns a request into tokens on the thread that asks, JudgeLoop owns session and scheduler and
// runs them on a thread of its own. The session has one constant prefix at a time. Jobs with the current prefix go
// first; when none is left, the prefix of the oldest job takes its place (restored from a snapshot where one is kept),
// so that rubrics that are asked in turns cost a change per batch and not per request.

#include "eval/local_judge.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "generate/generate.h"

namespace urial::eval {
namespace {

using engine::Token;

/// More rows ride along with one step than in a batch of answers: what a judge reads is longer than what it writes.
constexpr int kBatchRows = 512;

/// Texts that begin as differently as text can: what follows the constant part never changes the tokens that their
/// tokenisations share.
constexpr std::string_view kProbes[] = {"The", "0", " x", "\n\n1", "\xE4\xBD\xA0"};

using Prefix = std::shared_ptr<const std::vector<Token>>;

struct Job {
    std::vector<Token> tokens;
    Prefix prefix;
    std::unique_ptr<engine::TokenConstraint> constraint;
    int max_tokens = 0;
    std::promise<JudgeReply> reply;
};

std::size_t common_length(const std::vector<Token>& a, const std::vector<Token>& b) {
    return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

JudgeReply failed(std::string message, bool retryable) {
    JudgeReply reply;
    reply.failure = JudgeFailure{.retryable = retryable, .message = std::move(message), .retry_after = std::nullopt};
    return reply;
}

class JudgeLoop {
public:
    JudgeLoop(std::shared_ptr<const engine::Model> model, const engine::SessionOptions& options)
        : model_(std::move(model)),
          session_(model_->new_session(stopped_by(options, interrupted_))),
          scheduler_(*model_, *session_),
          thread_([this] { run(); }) {}

    ~JudgeLoop() {
        {
            const MutexLock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    JudgeLoop(const JudgeLoop&) = delete;
    JudgeLoop& operator=(const JudgeLoop&) = delete;

    std::future<JudgeReply> submit(Job job) {
        std::future<JudgeReply> reply = job.reply.get_future();
        {
            const MutexLock lock(mutex_);
            waiting_.push_back(std::move(job));
        }
        changed_.notify_one();
        return reply;
    }

    /// Ends the jobs that wait or run, and those to come.
    void interrupt() { interrupted_ = true; }

private:
    static engine::SessionOptions stopped_by(engine::SessionOptions options, const std::atomic<bool>& interrupted) {
        options.watch.cancelled = [&interrupted] { return interrupted.load(); };
        return options;
    }

    void run() {
        MutexLock lock(mutex_);
        for (;;) {
            changed_.wait(mutex_,
                          [&]() REQUIRES(mutex_) { return stopping_ || !waiting_.empty() || !running_.empty(); });
            if (stopping_) return;
            if (interrupted_) {
                for (Job& job : std::exchange(waiting_, {})) job.reply.set_value(failed("interrupted", true));
                end_all("interrupted");
                continue;
            }
            std::deque<Job> next = take_next();
            lock.unlock();
            try {
                for (Job& job : next) start(std::move(job));
                scheduler_.step();
            } catch (const std::exception& failure) {
                end_all(failure.what());
            }
            lock.lock();
        }
    }

    /// The jobs whose prefix the session has, or is to have now.
    std::deque<Job> take_next() REQUIRES(mutex_) {
        const auto fits = [&](const Job& job) { return job.prefix == prefix_; };
        if (running_.empty() && !waiting_.empty() && std::ranges::none_of(waiting_, fits)) {
            prefix_ = waiting_.front().prefix;
            prefix_is_set_ = false;
        }
        std::deque<Job> next;
        std::deque<Job> others;
        for (Job& job : waiting_) (fits(job) ? next : others).push_back(std::move(job));
        waiting_ = std::move(others);
        return next;
    }

    void start(Job job) {
        const std::uint64_t id = ++last_id_;
        generate::Request request;
        request.id = id;
        request.tokens = std::move(job.tokens);
        request.shared = common_length(request.tokens, *job.prefix);
        request.sampling.max_tokens = job.max_tokens;
        request.constraint = std::move(job.constraint);
        request.on_done = [this, id](generate::Result&& result) { finish(id, result); };
        running_.emplace(id, std::move(job.reply));
        try {
            if (!prefix_is_set_) session_->set_prefix(*prefix_);
            prefix_is_set_ = true;
            scheduler_.submit(std::move(request));
        } catch (const engine::Cancelled&) {
            running_.at(id).set_value(failed("interrupted", true));
            running_.erase(id);
        } catch (const std::exception& failure) {
            running_.at(id).set_value(failed(failure.what(), false));
            running_.erase(id);
        }
    }

    void finish(std::uint64_t id, const generate::Result& result) {
        const auto found = running_.find(id);
        if (found == running_.end()) return;
        if (result.finish == generate::FinishReason::Cancelled) {
            found->second.set_value(failed("interrupted", true));
        } else {
            JudgeReply reply;
            reply.text = result.text;
            reply.usage = Usage{result.prompt_tokens, result.completion_tokens};
            found->second.set_value(std::move(reply));
        }
        running_.erase(found);
    }

    /// Ends every request that was started, and takes it from the scheduler. Most are innocent: each may be asked
    /// again.
    void end_all(const std::string& message) {
        for (auto& [id, reply] : std::exchange(running_, {})) {
            reply.set_value(failed(message, true));
            scheduler_.cancel(id);
        }
    }

    std::atomic<bool> interrupted_{false};  // first: the session asks for it while it computes
    std::shared_ptr<const engine::Model> model_;
    std::unique_ptr<engine::Session> session_;
    generate::Scheduler scheduler_;

    // Of the loop's thread alone.
    std::map<std::uint64_t, std::promise<JudgeReply>> running_;
    std::uint64_t last_id_ = 0;
    Prefix prefix_;
    bool prefix_is_set_ = false;

    Mutex mutex_;
    Condition changed_;
    std::deque<Job> waiting_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;

    std::thread thread_;  // last: it uses all of the above
};

class LocalJudge final : public Judge {
public:
    LocalJudge(std::shared_ptr<const engine::Model> model, const LocalJudgeOptions& options,
               engine::ChatTemplate chat_template)
        : model_(std::move(model)),
          options_(options),
          template_(std::move(chat_template)),
          name_(options.name.empty() ? model_->info().name : options.name),
          takes_system_(engine::takes_system_message(*model_, template_)),
          loop_(model_, session_options()) {}

    const std::string& name() const override { return name_; }

    std::size_t count_tokens(const JudgeRequest& request, const Json&) const override {
        return tokenize(request).size();
    }

    JudgeReply ask(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) override {
        Job job;
        job.tokens = tokenize(request);
        job.prefix = prefix_of(request);
        if (!schema.is_null()) job.constraint = model_->new_grammar(reply_grammar(schema, options_.grammar));
        job.max_tokens = static_cast<int>(max_tokens);
        JudgeReply reply = loop_.submit(std::move(job)).get();
        reply.request = describe(request, schema, max_tokens);
        return reply;
    }

    void interrupt() override { loop_.interrupt(); }

private:
    engine::SessionOptions session_options() const {
        engine::SessionOptions session = options_.session;
        session.sequences = options_.parallel;
        session.context_tokens = options_.context_tokens;
        session.batch_rows = kBatchRows;
        return session;
    }

    std::vector<engine::ChatMessage> messages_of(const std::string& system, const std::string& user) const {
        if (system.empty()) return {{"user", user}};
        std::vector<engine::ChatMessage> messages{{"system", system}, {"user", user}};
        return takes_system_ ? messages : engine::system_in_front_of_user(std::move(messages));
    }

    std::vector<Token> tokenize(const JudgeRequest& request) const {
        return engine::chat_tokens(*model_, template_, messages_of(request.system, request.user));
    }

    Prefix prefix_of(const JudgeRequest& request) {
        const std::string constant = request.user.substr(0, request.constant_bytes);
        const MutexLock lock(prefixes_mutex_);
        Prefix& prefix = prefixes_[{request.system, constant}];
        if (prefix) return prefix;
        std::vector<Token> shared = tokenize(request);
        for (const std::string_view probe : kProbes) {
            const JudgeRequest other{request.system, constant + std::string(probe), 0};
            shared.resize(common_length(shared, tokenize(other)));
        }
        return prefix = std::make_shared<const std::vector<Token>>(std::move(shared));
    }

    std::string describe(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) const {
        Json messages = Json::array();
        for (const engine::ChatMessage& message : messages_of(request.system, request.user)) {
            messages.push_back({{"role", message.role}, {"content", message.content}});
        }
        Json json{{"model", name_}, {"model_sha256", model_->info().content_hash}, {"temperature", 0}};
        json["max_tokens"] = max_tokens;
        json["text_characters"] = options_.grammar.text_characters;
        json["messages"] = std::move(messages);
        json["schema"] = schema;
        return json.dump();
    }

    const std::shared_ptr<const engine::Model> model_;
    const LocalJudgeOptions options_;
    const engine::ChatTemplate template_;
    const std::string name_;
    const bool takes_system_;
    Mutex prefixes_mutex_;
    // By system text and constant part.
    std::map<std::pair<std::string, std::string>, Prefix> prefixes_ GUARDED_BY(prefixes_mutex_);
    JudgeLoop loop_;
};

}  // namespace

std::unique_ptr<Judge> open_local_judge(std::shared_ptr<const engine::Model> model, LocalJudgeOptions options) {
    std::optional<engine::ChatTemplate> form = options.chat_template;
    if (!form) form = engine::find_chat_template(*model);
    if (!form) {
        throw error(ErrorKind::BadInput,
                    "{}: a base model (its file has no chat template), so it cannot judge: a judge is a chat model",
                    model->info().name);
    }
    return std::make_unique<LocalJudge>(std::move(model), options, std::move(*form));
}

}  // namespace urial::eval

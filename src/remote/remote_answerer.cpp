#include "remote/remote_answerer.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "remote/served_model.h"

namespace urial::remote {
namespace {

using nlohmann::ordered_json;

/// How long step() waits for an answer before it lets its caller look around.
constexpr std::chrono::milliseconds kStep{100};

/// "vLLM 0.12.0, llama-server b7000"
std::string softwares(const ordered_json& described) {
    std::set<std::string> names;
    const auto servers = described.find("servers");
    if (servers == described.end() || !servers->is_array()) return "";
    for (const ordered_json& server : *servers) {
        if (!server.is_object() || !server.contains("software")) continue;
        const auto text = [&](const char* key) { return server.value(key, std::string()); };
        names.insert(fmt::format("{}{}{}", text("software"), text("version").empty() ? "" : " ", text("version")));
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

RemoteAnswerer::RemoteAnswerer(std::shared_ptr<ModelServers> servers,
                               std::shared_ptr<const generate::PromptSource> prompt, int parallel)
    : servers_(std::move(servers)), prompt_(std::move(prompt)), parallel_(parallel) {
    if (parallel < 1) throw error(ErrorKind::BadInput, "parallel is {}: it must be 1 or more", parallel);
}

RemoteAnswerer::~RemoteAnswerer() { stop_threads(); }

void RemoteAnswerer::stop_threads() {
    for (std::jthread& thread : threads_) thread.request_stop();
    threads_.clear();
}

std::string RemoteAnswerer::generator() const { return served_generator(servers_->model(), *prompt_); }

ordered_json RemoteAnswerer::identity() const {
    return served_identity(servers_->model(), servers_->model_facts(), *prompt_);
}

ordered_json RemoteAnswerer::circumstances() const {
    ordered_json circumstances = servers_->describe_servers();
    circumstances["parallel"] = parallel_;
    return circumstances;
}

std::string RemoteAnswerer::change_since(const ordered_json& manifest) const {
    const std::string before = softwares(manifest);
    const std::string now = softwares(circumstances());
    if (before.empty() || before == now) return "";
    return fmt::format("what is there came from {}, the rest will come from {}: their last digits may differ", before,
                       now);
}

void RemoteAnswerer::check(const generate::SamplingOptions& sampling) const {
    generate::check(sampling);
    servers_->check_sampling(sampling);
    const std::size_t context = servers_->context_tokens();
    if (context == 0 || static_cast<std::size_t>(sampling.max_tokens) < context) return;
    throw error(ErrorKind::ContextFull,
                "an answer may take {} tokens: no room in the servers' context of {}; use --max-tokens with less",
                sampling.max_tokens, context);
}

void RemoteAnswerer::submit(generate::Question question) {
    static_cast<void>(prompt_->for_server(question.conversation));  // throws for what cannot be asked
    submitted_.push_back(std::move(question));
}

void RemoteAnswerer::prepare() {
    stop_threads();
    const std::size_t count = std::min(submitted_.size(), static_cast<std::size_t>(parallel_));
    open_ = submitted_.size();
    {
        const MutexLock lock(mutex_);
        waiting_.assign(std::make_move_iterator(submitted_.begin()), std::make_move_iterator(submitted_.end()));
        done_.clear();
        thrown_ = nullptr;
    }
    submitted_.clear();
    for (std::size_t i = 0; i < count; ++i) {
        threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
}

void RemoteAnswerer::work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        generate::Question question;
        {
            const MutexLock lock(mutex_);
            if (waiting_.empty() || thrown_) return;
            question = std::move(waiting_.front());
            waiting_.pop_front();
        }
        Ask ask{.id = question.id,
                .conversation = question.conversation,
                .sampling = question.sampling,
                .overflow = question.overflow,
                .on_text = {},
                .on_piece = [this] { ++pieces_; },
                .cancelled = {}};
        std::exception_ptr thrown;
        generate::Answer answer;
        try {
            answer = servers_->answer(*prompt_, std::move(ask), stop);
            answer.retrieved = prompt_->retrieved(question.conversation);
        } catch (...) {
            thrown = std::current_exception();
        }
        const MutexLock lock(mutex_);
        if (thrown && !thrown_) thrown_ = thrown;
        if (!thrown) done_.push_back({std::move(question), std::move(answer)});
        arrived_.notify_one();
    }
}

bool RemoteAnswerer::step() {
    if (open_ == 0) return false;
    std::vector<Done> done;
    std::exception_ptr thrown;
    {
        MutexLock lock(mutex_);
        arrived_.wait_for(mutex_, kStep, [this]() REQUIRES(mutex_) { return !done_.empty() || thrown_; });
        done.swap(done_);
        thrown = thrown_;
    }
    for (Done& one : done) {
        --open_;
        if (one.question.on_done) one.question.on_done(std::move(one.answer));
    }
    // What was answered meanwhile is taken first: it is paid for.
    if (thrown && done.empty()) {
        open_ = 0;
        stop_threads();
        std::rethrow_exception(thrown);
    }
    return open_ > 0;
}

}  // namespace urial::remote

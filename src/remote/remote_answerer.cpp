#include "remote/remote_answerer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "remote/served_model.h"

namespace urial::remote {
namespace {

using nlohmann::ordered_json;

/// How long step() waits for an answer before it lets its caller look around.
constexpr std::chrono::milliseconds kStep{100};

}  // namespace

RemoteAnswerer::RemoteAnswerer(std::shared_ptr<ModelServers> servers,
                               std::shared_ptr<const generate::PromptSource> prompt, int parallel)
    : servers_(std::move(servers)), prompt_(std::move(prompt)), parallel_(parallel) {
    if (parallel < 1) throw error(ErrorKind::BadInput, "parallel is {}: it must be 1 or more", parallel);
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
    return change_of_software(manifest, circumstances());
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
    const auto answer = [this](const generate::Question& question, const std::stop_token& stop) {
        Ask ask{.id = question.id,
                .conversation = question.conversation,
                .sampling = question.sampling,
                .overflow = question.overflow,
                .on_text = {},
                .on_piece = [this] { ++pieces_; },
                .cancelled = {}};
        generate::Answer answered = servers_->answer(*prompt_, std::move(ask), stop);
        answered.retrieved = prompt_->retrieved(question.conversation);
        return answered;
    };
    pool_ = std::make_unique<Pool>(static_cast<std::size_t>(parallel_), answer);
    for (generate::Question& question : submitted_) pool_->submit(std::move(question));
    submitted_.clear();
}

bool RemoteAnswerer::step() {
    if (!pool_) return false;
    for (auto& [question, answer] : pool_->take(kStep)) {
        if (question.on_done) question.on_done(std::move(answer));
    }
    return pool_->open() > 0;
}

}  // namespace urial::remote

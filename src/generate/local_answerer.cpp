#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "generate/answerer.h"
#include "generate/record.h"
#include "generate/run_identity.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;

/// Cells beyond this are not taken by default: 64 Ki cells of Gemma 3 270M are 1.2 GB.
constexpr std::size_t kMostContextTokens = 65536;
/// Prompt rows that ride along with one step's decoding rows. More would delay the writers for no gain in rate.
constexpr int kBatchRows = 256;
/// Of prompts that begin alike without a constant prefix.
constexpr int kKeptPrefixes = 8;

/// Prompts that begin alike follow each other, and find what those before them have left.
void share_beginnings(std::vector<Request>& requests) {
    std::ranges::stable_sort(requests, {}, &Request::tokens);
    for (Request& request : requests) request.keep = true;
}

}  // namespace

LocalAnswerer::LocalAnswerer(PreparedPrompt prompt, LocalAnswererOptions options)
    : prompt_(std::move(prompt)), options_(std::move(options)) {
    if (options_.parallel < 1) {
        throw error(ErrorKind::BadInput, "parallel is {}: it must be 1 or more", options_.parallel);
    }
}

std::string LocalAnswerer::generator() const {
    return generator_name(prompt_.model().info(), /*use_adapters=*/true, prompt_.source().label());
}

ordered_json LocalAnswerer::identity() const {
    const engine::ModelInfo& info = prompt_.model().info();
    ordered_json prompt = prompt_.source().identity();
    prompt["prefix_tokens"] = prompt_.prefix().size();
    prompt["text"] = prompt_.source().text();
    return {{"model", {{"name", info.name}, {"description", info.description}, {"sha256", info.content_hash}}},
            {"adapters", describe_adapters(info)},
            {"prompt", std::move(prompt)}};
}

ordered_json LocalAnswerer::circumstances() const {
    const engine::ModelInfo& info = prompt_.model().info();
    ordered_json circumstances{{"engine", describe_engine()}};
    circumstances.update(describe_computation(info));
    if (info.placement.layers > 0) circumstances["devices"] = describe_devices(info);
    circumstances.update({{"threads", thread_count(options_.session.threads)},
                          {"parallel", sequences_},
                          {"context_tokens", cells_},
                          {"batch_rows", kBatchRows}});
    return circumstances;
}

std::string LocalAnswerer::change_since(const ordered_json& manifest) const {
    return change_of_arithmetic(manifest, prompt_.model().info(), thread_count(options_.session.threads));
}

std::size_t LocalAnswerer::room() const {
    return static_cast<std::size_t>(options_.context_tokens > 0 ? options_.context_tokens
                                                                : prompt_.model().info().training_context);
}

void LocalAnswerer::check(const SamplingOptions& sampling) const {
    generate::check(sampling);
    const std::size_t prefix = prompt_.prefix().size();
    const auto answer = static_cast<std::size_t>(sampling.max_tokens);
    if (prefix + answer < room()) return;
    throw error(ErrorKind::ContextFull,
                "the prompt {} has {} constant tokens and an answer may take {}: no room in a context of {}; use a "
                "shorter prompt, fewer new tokens or a model with a larger context",
                prompt_.source().name(), prefix, answer, room());
}

void LocalAnswerer::submit(Question question) {
    const auto answer = static_cast<std::size_t>(question.sampling.max_tokens);
    ordered_json retrieved = prompt_.source().retrieved(question.conversation);
    FittedConversation fitted = fit(prompt_, std::move(question.conversation), room(), answer, question.overflow);
    Request request;
    request.id = question.id;
    request.tokens = std::move(fitted.tokens);
    request.sampling = std::move(question.sampling);
    request.answer_form = prompt_.source().answer_form();
    request.on_done = [done = std::move(question.on_done), dropped = fitted.dropped_turns,
                       retrieved = std::move(retrieved)](Result&& result) {
        done({std::move(result), dropped, retrieved});
    };
    // Whether a part of the prefix can be shared is the session's to say, and it is made after this.
    const std::size_t prefix = prompt_.prefix().size();
    const std::size_t shared = prompt_.shared_length(request.tokens) == prefix ? prefix : 0;
    needs_.push_back(request.tokens.size() - shared + answer);
    submitted_.push_back(std::move(request));
}

engine::SessionOptions LocalAnswerer::session_options() const {
    engine::SessionOptions session = options_.session;
    session.sequences = sequences_;
    if (!prompt_.source().has_prefix()) session.prefixes = kKeptPrefixes;
    session.context_tokens = static_cast<int>(cells_);
    session.batch_rows = kBatchRows;
    session.greedy = std::ranges::all_of(submitted_, is_greedy, &Request::sampling);
    return session;
}

void LocalAnswerer::prepare() {
    scheduler_.reset();
    session_.reset();
    if (submitted_.empty()) return;
    std::sort(needs_.rbegin(), needs_.rend());
    const std::size_t at_once = std::min(needs_.size(), static_cast<std::size_t>(options_.parallel));
    const std::size_t prefix = prompt_.prefix().size();
    cells_ = prefix;
    for (std::size_t i = 0; i < at_once; ++i) cells_ += needs_[i];
    cells_ = std::max(prefix + needs_.front(), std::min(cells_, kMostContextTokens));
    sequences_ = static_cast<int>(at_once);
    needs_.clear();
    session_ = prompt_.model().new_session(session_options());
    session_->pin(prompt_.prefix());
    scheduler_.emplace(prompt_.model(), *session_);
    std::vector<Request> requests = std::exchange(submitted_, {});
    if (!prompt_.source().has_prefix()) share_beginnings(requests);
    for (Request& request : requests) scheduler_->submit(std::move(request));
}

bool LocalAnswerer::step() {
    if (!scheduler_) return false;
    const std::uint64_t before = scheduler_->generated_tokens();
    const bool goes_on = scheduler_->step();
    generated_tokens_ += scheduler_->generated_tokens() - before;
    return goes_on;
}

}  // namespace urial::generate

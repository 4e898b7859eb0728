#include "remote/scoring_side.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/engine.h"
#include "remote/served_model.h"

namespace urial::remote {
namespace {

using nlohmann::ordered_json;
using shift::ListedAnswer;
using shift::ListedTask;
using Clock = std::chrono::steady_clock;
using End = prompt::AnswerScanner::End;

/// How long step() waits before it lets its caller look around.
constexpr std::chrono::milliseconds kWait{20};
/// A row of the whole vocabulary for each token of a request is in a server's memory at once: few at a time.
constexpr std::ptrdiff_t kScoredAtOnce = 2;
/// An answer is written in parts: a server knows nothing of how answers of a prompt end, and a part that is cut costs
/// little. The server's prefix cache makes the next part begin where the last ended.
constexpr int kPartTokens = 128;

/// What is wrong with one answer alone.
struct Failure {
    std::string reason;
};

Software scoring_software(const ModelServers& servers) {
    const Software software = servers.software();
    if (software == Software::Vllm || software == Software::SgLang) return software;
    const std::string remedy =
        software == Software::LlamaServer
            ? "llama-server says nothing of the tokens of a prompt: give this model as a GGUF file, in this process"
            : "serve the model by vLLM or SGLang, or give it as a GGUF file, in this process";
    throw error(ErrorKind::BadInput, "{} is served by {}, which gives no log-probabilities of given tokens; {}",
                printable(servers.model()), name(software), remedy);
}

std::string id_at(const std::vector<Token>& tokens, std::size_t at) {
    return at < tokens.size() ? std::to_string(tokens[at]) : "nothing";
}

bool begins_with(const std::vector<Token>& tokens, const std::vector<Token>& beginning) {
    return tokens.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), tokens.begin());
}

}  // namespace

ScoringSide::ScoringSide(std::shared_ptr<ModelServers> servers, std::shared_ptr<const generate::PromptSource> prompt,
                         std::function<bool()> is_stopped)
    : servers_(std::move(servers)),
      prompt_(std::move(prompt)),
      is_stopped_(std::move(is_stopped)),
      software_(scoring_software(*servers_)),
      scoring_(kScoredAtOnce) {
    if (software_ == Software::Vllm || prompt_->is_text()) return;
    throw error(ErrorKind::BadInput,
                "{} is served by SGLang, which does not put a conversation into its chat form for this; serve it by "
                "vLLM, name an in-context prompt for this side, or give the prompts as token ids (--answers)",
                printable(servers_->model()));
}

ScoringSide::~ScoringSide() = default;

ordered_json ScoringSide::identity() const {
    return scoring_identity(servers_->model(), servers_->model_facts(), *prompt_, software_);
}

std::string ScoringSide::change_since(const ordered_json& circumstances) const {
    return change_of_software(circumstances, servers_->describe_servers());
}

std::string ScoringSide::generator() const { return served_generator(servers_->model(), *prompt_); }

std::string ScoringSide::piece(Token token, bool) const {
    const MutexLock lock(mutex_);
    const auto found = pieces_.find(token);
    return found != pieces_.end() ? found->second : fmt::format("[{}]", token);
}

// ---- requests -------------------------------------------------------------------------------------------------------

std::vector<Token> ScoringSide::ask_tokens(const Inquiry& inquiry, const IsStopped& is_stopped) const {
    std::vector<Token> tokens;
    const std::optional<Error> failure = servers_->inquire(
        [&](Software) { return inquiry; }, [&](const ordered_json& reply) { tokens = read_tokens(reply); }, is_stopped);
    if (failure) throw Failure{failure->what()};
    return tokens;
}

std::vector<Token> ScoringSide::tokenize(std::string_view text, bool begins_prompt) const {
    try {
        return ask_tokens(tokenize_text(servers_->model(), text, begins_prompt), is_stopped_);
    } catch (const Failure& failure) {
        throw error(ErrorKind::Unavailable, "a text cannot be tokenised: {}", failure.reason);
    }
}

std::vector<Token> ScoringSide::prompt_tokens(const ListedTask& task, const IsStopped& is_stopped) const {
    if (!task.prompt.empty()) return task.prompt;
    const generate::ServerPrompt given = prompt_->for_server(task.item->conversation);
    if (const auto* text = std::get_if<std::string>(&given)) {
        return ask_tokens(tokenize_text(servers_->model(), *text, true), is_stopped);
    }
    return ask_tokens(tokenize_chat(servers_->model(), std::get<std::vector<engine::ChatMessage>>(given)), is_stopped);
}

/// As PreparedPrompt::answer_tokens() does it: behind the prompt where that leaves the prompt's tokens as they are.
std::vector<Token> ScoringSide::answer_tokens(const ListedTask& task, const std::vector<Token>& prompt,
                                              const IsStopped& is_stopped) const {
    const std::string& text = task.item->answer_text.value();
    if (prompt_->is_text() && task.prompt.empty()) {
        const std::string whole = prompt_->render(task.item->conversation) + text;
        const std::vector<Token> tokens = ask_tokens(tokenize_text(servers_->model(), whole, true), is_stopped);
        if (begins_with(tokens, prompt))
            return {tokens.begin() + static_cast<std::ptrdiff_t>(prompt.size()), tokens.end()};
    }
    return ask_tokens(tokenize_text(servers_->model(), text, false), is_stopped);
}

void ScoringSide::compare(const std::vector<std::string>& texts, const IsStopped& is_stopped) const {
    for (const std::string& text : texts) {
        const std::vector<Token> here = ask_tokens(tokenize_text(servers_->model(), text, true), is_stopped);
        const std::vector<Token> there = other_->tokenize(text, true);
        if (here == there) continue;
        const auto at = static_cast<std::size_t>(std::ranges::mismatch(here, there).in1 - here.begin());
        throw Failure{
            fmt::format("the two sides tokenise this differently: token {} of its prompt is {} for {} and {} "
                        "for the other; a text such as </s> may be a control token for one of them",
                        at, id_at(here, at), short_name(servers_->model()), id_at(there, at))};
    }
}

void ScoringSide::check_room(std::size_t prompt, std::size_t answer) const {
    if (prompt == 0) throw Failure{"the prompt is empty: there is nothing that the answer follows"};
    const std::size_t room = servers_->context_tokens();
    if (room == 0 || prompt + answer < room) return;  // one token more is always written
    throw Failure{fmt::format("the prompt has {} tokens and the answer {}, together more than the context of {} of {}",
                              prompt, answer, room, short_name(servers_->model()))};
}

/// Until the model or the prompt's own rule ends it, or max_tokens.
void ScoringSide::write(const std::vector<Token>& prompt, ListedAnswer& answer, const IsStopped& is_stopped) const {
    prompt::AnswerScanner text(prompt_->answer_form());
    prompt::AnswerScanner by_token(prompt_->answer_form());
    TokenQuery query{.model = servers_->model(), .prompt = prompt};
    while (answer.finish.empty()) {
        query.max_tokens = std::min(kPartTokens, options_.max_tokens - static_cast<int>(answer.answer.size()));
        WrittenPart part;
        const std::optional<Error> failure = servers_->inquire(
            [&](Software) { return write_request(software_, query); },
            [&](const ordered_json& reply) { part = read_written(software_, reply, query); }, is_stopped);
        if (failure) throw Failure{failure->what()};
        answer.text += text.push(part.text);
        for (std::size_t i = 0; i < part.tokens.size() && by_token.end() == End::None; ++i) {
            answer.answer.push_back(part.tokens[i]);
            query.prompt.push_back(part.tokens[i]);
            by_token.push(part.pieces[i]);
        }
        if (part.has_ended || by_token.end() != End::None || text.end() != End::None) {
            answer.finish = "stop";
        } else if (answer.answer.size() >= static_cast<std::size_t>(options_.max_tokens)) {
            answer.finish = "length";
        }
    }
    answer.text = replace_invalid_utf8(answer.text + text.finish());
}

void ScoringSide::score(const std::vector<Token>& prompt, ListedAnswer& answer, const IsStopped& is_stopped) {
    while (!scoring_.try_acquire_for(std::chrono::milliseconds(50))) {
        if (is_stopped()) throw engine::Cancelled();
    }
    struct Release {
        std::counting_semaphore<>& semaphore;
        ~Release() { semaphore.release(); }
    } const release{scoring_};
    const TokenQuery query{servers_->model(), prompt, answer.answer, options_.top_k};
    AnswerScores scores;
    const std::optional<Error> failure = servers_->inquire(
        [&](Software) { return score_request(software_, query); },
        [&](const ordered_json& reply) { scores = read_scores(software_, reply, query); }, is_stopped);
    if (failure && failure->kind() == ErrorKind::BadInput) refuse_list_length(*failure);
    if (failure && failure->kind() == ErrorKind::Unavailable) {
        throw Failure{
            fmt::format("{}; log-probabilities of a prompt take much of a server's memory: a server that "
                        "ends or runs out of it needs a shorter batch (vLLM: --max-num-batched-tokens)",
                        failure->what())};
    }
    if (failure) throw Failure{failure->what()};
    answer.stats = std::move(scores.stats);
    const MutexLock lock(mutex_);
    pieces_.merge(scores.pieces);
}

/// A server that gives shorter lists than those asked for refuses every answer. Anything else is wrong with one alone.
void ScoringSide::refuse_list_length(const Error& refusal) const {
    const std::string message = lower_ascii(refusal.what());
    const bool is_of_lists =
        message.find("logprobs") != std::string::npos &&
        (message.find("max allowed") != std::string::npos || message.find("max_logprobs") != std::string::npos);
    if (!is_of_lists) throw Failure{refusal.what()};
    throw error(
        ErrorKind::BadInput,
        "{}\nthe lists of {} tokens (--top) are longer than the server gives: use --top with less, or start vLLM "
        "with --max-logprobs {}",
        refusal.what(), list_length(software_, options_.top_k), list_length(software_, options_.top_k));
}

// ---- tasks ----------------------------------------------------------------------------------------------------------

ListedAnswer ScoringSide::work(const ListedTask& task, const IsStopped& is_stopped) {
    ListedAnswer answer;
    try {
        compare(task.same_text, is_stopped);
        const std::vector<Token> prompt = prompt_tokens(task, is_stopped);
        const bool writes = task.answer.empty() && !task.item->answer_text;
        answer.answer = task.answer;
        if (task.answer.empty() && !writes) answer.answer = answer_tokens(task, prompt, is_stopped);
        if (!writes && answer.answer.empty()) throw Failure{"the answer has no tokens"};
        check_room(prompt.size(), writes ? static_cast<std::size_t>(options_.max_tokens) : answer.answer.size());
        if (writes) {
            write(prompt, answer, is_stopped);
        } else {
            answer.finish = "given";
        }
        score(prompt, answer, is_stopped);
    } catch (const Failure& failure) {
        answer = {};
        answer.failure = failure.reason;
    }
    return answer;
}

void ScoringSide::prepare(const std::vector<ListedTask>&, const shift::ListedOptions& options,
                          const ListedSide& other) {
    pool_.reset();
    options_ = options;
    other_ = &other;
    pool_ = std::make_unique<Pool>(
        static_cast<std::size_t>(options.parallel), [this](const ListedTask& task, const std::stop_token& stop) {
            const Clock::time_point began = Clock::now();
            const IsStopped is_stopped = [&] { return stop.stop_requested() || (is_stopped_ && is_stopped_()); };
            ListedAnswer answer = work(task, is_stopped);
            milliseconds_ += std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
            return answer;
        });
}

void ScoringSide::submit(ListedTask task) {
    try {
        if (task.prompt.empty()) static_cast<void>(prompt_->for_server(task.item->conversation));
        pool_->submit(std::move(task));
    } catch (const Error& failure) {  // for what cannot be asked
        ListedAnswer failed;
        failed.failure = failure.what();
        task.on_done(std::move(failed));
    }
}

bool ScoringSide::step(bool may_wait) {
    if (!pool_) return false;
    for (auto& [task, answer] : pool_->take(may_wait ? kWait : std::chrono::milliseconds(0))) {
        task.on_done(std::move(answer));
    }
    return pool_->open() > 0;
}

}  // namespace urial::remote

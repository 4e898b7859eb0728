#include "batch/scored_results.h"

#include <algorithm>
#include <deque>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "batch/requests.h"
#include "batch/scoring_requests.h"
#include "remote/model_servers.h"
#include "remote/served_model.h"
#include "shift/record.h"

namespace urial::batch {
namespace {

using engine::Token;
using nlohmann::ordered_json;

/// Of every request: one token is written.
constexpr std::size_t kWrittenTokens = 1;
constexpr std::size_t kSides = kPairParts.size();

/// std::nullopt for what is no list of token ids.
std::optional<std::vector<Token>> tokens_read(const ordered_json& ids) {
    if (!ids.is_array()) return std::nullopt;
    std::vector<Token> tokens;
    for (const ordered_json& id : ids) {
        const std::optional<Token> token = shift::token_in(id);
        if (!token) return std::nullopt;
        tokens.push_back(*token);
    }
    return tokens;
}

/// A chat completion has beside its choices what a completion has in them.
ordered_json as_completion(const ordered_json& body) {
    ordered_json choice = ordered_json::object();
    if (body.contains("prompt_logprobs")) choice["prompt_logprobs"] = body["prompt_logprobs"];
    return {{"choices", ordered_json::array({std::move(choice)})}};
}

}  // namespace

/// One side of the pair: each step reads the result of one answer.
class ScoredResults::Side final : public shift::ListedSide {
public:
    Side(const ScoredResults& results, std::size_t part)
        : results_(results),
          part_(part),
          prompt_(generate::server_chat_prompt()),
          fetcher_(results.files_, kWrittenTokens) {}

    const shift::Side* local() const override { return nullptr; }
    /// The prompts were made at export: nobody asks for one here.
    const generate::PromptSource& prompt() const override { return *prompt_; }
    ordered_json identity() const override { return results_.requests_.identity.at(kPairParts[part_]); }
    ordered_json circumstances() const override {
        ordered_json circumstances{{"batch", {{"target", name(results_.requests_.target)}}}};
        for (const auto& path : results_.results_) circumstances["batch"]["results"].push_back(path.string());
        if (!results_.answered_as_[part_].empty()) circumstances["answered_as"] = results_.answered_as_[part_];
        return circumstances;
    }
    std::string change_since(const ordered_json& circumstances) const override {
        if (!circumstances.contains("servers")) return "";
        return "what is there came from servers, the rest comes from files: their last digits may differ";
    }
    std::string generator() const override { return results_.requests_.generator; }
    std::size_t vocabulary_size() const override { return 0; }
    /// Of the vocabulary_samples() alone; nothing where not both sides have them.
    std::vector<Token> tokenize(std::string_view text, bool) const override {
        const std::span<const std::string_view> samples = shift::vocabulary_samples();
        const auto found = std::ranges::find(samples, text);
        if (found == samples.end() || !results_.has_samples()) return {};
        return results_.asked_[part_ * samples.size() + static_cast<std::size_t>(found - samples.begin())].tokens;
    }
    std::string piece(Token token, bool) const override {
        const auto found = pieces_.find(token);
        return found != pieces_.end() ? found->second : fmt::format("[{}]", token);
    }
    void prepare(const std::vector<shift::ListedTask>&, const shift::ListedOptions&, const ListedSide&) override {}
    void submit(shift::ListedTask task) override { queue_.push_back(std::move(task)); }
    bool step(bool) override {
        if (queue_.empty()) return false;
        const shift::ListedTask task = std::move(queue_.front());
        queue_.pop_front();
        task.on_done(answer_to(task));
        return !queue_.empty();
    }
    double seconds() const override { return 0; }

private:
    shift::ListedAnswer answer_to(const shift::ListedTask& task) {
        shift::ListedAnswer none;
        const Asked* asked = results_.find(task.item->id, part_);
        if (asked == nullptr || (!asked->place && !asked->failure)) {
            none.is_missing = true;
            return none;
        }
        if (!asked->place) {
            none.failure = asked->failure->reason;
            return none;
        }
        Scores scores = results_.scores_of(*asked, fetcher_.fetch(*asked->place), &pieces_);
        if (auto* answer = std::get_if<shift::ListedAnswer>(&scores)) return std::move(*answer);
        none.failure = std::get<RequestFailure>(scores).reason;
        return none;
    }

    const ScoredResults& results_;
    const std::size_t part_;
    const std::shared_ptr<const generate::PromptSource> prompt_;
    ResultFetcher fetcher_;
    std::map<Token, std::string> pieces_;
    std::deque<shift::ListedTask> queue_;
};

ScoredResults::ScoredResults(const RequestSet& requests, const std::vector<const shift::ShiftItem*>& open,
                             const std::vector<std::filesystem::path>& results,
                             const std::function<bool()>& interrupted)
    : requests_(requests), samples_(kSides * shift::vocabulary_samples().size()), results_(results) {
    if (requests.custom_ids.size() != samples_ + kSides * requests.scored.size()) {
        throw error(ErrorKind::BadInput, "{} requests for {} answers: they are not those of this version of urial",
                    requests.custom_ids.size(), requests.scored.size());
    }
    expect(open);
    ResultReader reader(results, kWrittenTokens);
    files_ = reader.paths();
    while (const std::optional<Result> result = reader.next()) {
        ++counts_.read;
        take(*result, reader.place());
        if (interrupted && interrupted()) throw engine::Cancelled();
    }
    counts_.unreadable = reader.unreadable();
    counts_.first_unreadable = reader.first_unreadable();
    count();
}

ScoredResults::~ScoredResults() = default;

/// The requests are the samples of the base side, those of the aligned side, then both of each answer.
void ScoredResults::expect(const std::vector<const shift::ShiftItem*>& open) {
    std::set<std::string> open_ids;
    for (const shift::ShiftItem* item : open) open_ids.insert(item->id);
    for (std::size_t i = 0; i < requests_.custom_ids.size(); ++i) {
        std::vector<std::size_t>& indexes = by_id_[requests_.custom_ids[i]];
        if (i < samples_) {
            indexes.push_back(asked_.size());
            asked_.push_back({.part = i / (samples_ / kSides)});
            continue;
        }
        const ScoredNote& note = requests_.scored[(i - samples_) / kSides];
        if (!open_ids.contains(note.item)) continue;
        const std::size_t part = (i - samples_) % kSides;
        if (part == 0) by_item_.emplace(note.item, asked_.size());
        indexes.push_back(asked_.size());
        asked_.push_back({.note = &note, .part = part});
    }
    // What was not exported has no requests, and is not there.
    for (const shift::ShiftItem* item : open) counts_.missing += by_item_.contains(item->id) ? 0 : kSides;
}

void ScoredResults::take(const Result& result, const ResultPlace& place) {
    const auto found = by_id_.find(result.custom_id);
    if (found == by_id_.end()) {
        ++counts_.foreign;
        return;
    }
    const auto has_answer = [&](std::size_t index) { return asked_[index].place.has_value(); };
    if (std::ranges::all_of(found->second, has_answer)) {
        ++counts_.repeated;
        return;
    }
    for (const std::size_t index : found->second) {
        if (!has_answer(index)) answer(asked_[index], result, place);
    }
}

void ScoredResults::answer(Asked& asked, const Result& result, const ResultPlace& place) {
    if (asked.note == nullptr) {
        const auto tokens = tokens_read(prompt_ids_of(result.body));
        if (!tokens || tokens->empty()) return;
        asked.tokens = *tokens;
        asked.place = place;
        return;
    }
    Scores scores = scores_of(asked, result);
    if (auto* failure = std::get_if<RequestFailure>(&scores)) {
        asked.failure = std::move(*failure);
        return;
    }
    check_name(asked.part, result.body);
    asked.place = place;
    asked.failure.reset();
}

void ScoredResults::check_name(std::size_t part, const ordered_json& body) {
    const ordered_json answered_as = body.value("model", ordered_json());
    if (!answered_as.is_string()) return;
    std::string& known = answered_as_[part];
    if (known.empty()) known = answered_as.get<std::string>();
    if (answered_as == known) return;
    throw error(ErrorKind::BadInput, "the results of the {} side are of two models, {} and {}: import those of one",
                kPairParts[part], printable(known), printable(answered_as.get<std::string>()));
}

ScoredResults::Scores ScoredResults::scores_of(const Asked& asked, const Result& result,
                                               std::map<Token, std::string>* pieces) const {
    if (!result.failure.empty()) return RequestFailure{result.failure};
    const auto tokens = tokens_read(prompt_ids_of(result.body));
    if (!tokens)
        return RequestFailure{
            "the engine does not say which tokens it read: its version does not know return_token_ids"};
    const ScoredNote& note = *asked.note;
    const std::string& whole = asked.part == 0 ? note.base_hash : note.aligned_hash;
    const auto other = [&](std::string_view what) {
        return RequestFailure{
            fmt::format("the {} side read other tokens than were exported: {}", kPairParts[asked.part], what), true};
    };
    if (tokens->size() <= note.tokens) return other("fewer than the answer has");
    const auto answer = tokens->end() - static_cast<std::ptrdiff_t>(note.tokens);
    remote::TokenQuery query{.model = requests_.model,
                             .prompt = {tokens->begin(), answer},
                             .answer = {answer, tokens->end()},
                             .top_k = requests_.identity.at("top_k")};
    if (hash_of_tokens(query.answer) != note.answer_hash) return other("those of the answer");
    if (!whole.empty() && hash_of_tokens(*tokens) != whole) return other("those of the prompt");
    try {
        remote::AnswerScores scores = remote::read_scores(remote::Software::Vllm, as_completion(result.body), query);
        if (pieces != nullptr) pieces->merge(scores.pieces);
        shift::ListedAnswer scored;
        scored.answer = std::move(query.answer);
        scored.stats = std::move(scores.stats);
        scored.finish = "given";
        return scored;
    } catch (const remote::WrongReply& problem) {
        return RequestFailure{fmt::format("the result is none of such a request: {}", problem.what())};
    }
}

const ScoredResults::Asked* ScoredResults::find(const std::string& item, std::size_t part) const {
    const auto found = by_item_.find(item);
    return found == by_item_.end() ? nullptr : &asked_[found->second + part];
}

void ScoredResults::count() {
    for (const Asked& asked : std::span(asked_).subspan(samples_)) {
        const std::string& whole = asked.part == 0 ? asked.note->base_hash : asked.note->aligned_hash;
        if (asked.place) {
            counts_.unchecked_prompt += whole.empty();
        } else if (!asked.failure) {
            ++counts_.missing;
        } else {
            counts_.add(*asked.failure);
        }
    }
}

bool ScoredResults::has_samples() const {
    return std::ranges::all_of(std::span(asked_).first(samples_),
                               [](const Asked& asked) { return !asked.tokens.empty(); });
}

std::unique_ptr<shift::ListedSide> ScoredResults::side(std::size_t part) const {
    return std::make_unique<Side>(*this, part);
}

}  // namespace urial::batch

// Two sides of which one at least is known by its most likely tokens alone, as a run folder sees them. The aligned side
// gets all items; each answer that it has written or scored goes on to the base side. Both sides are asked for a moment
// in turn: a server works while a model here computes.

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "generate/run_identity.h"
#include "shift/answer_scorer.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 8> kSamples{
    "The quick brown fox can't jump over 12,345.67 lazy dogs, obviously!",
    "Unquestionably, pharmacokinetics presupposes antidisestablishmentarianism.",
    "def add(a, b):\n    return a + b  # 3 == add(1, 2)\n\n\tfor (int i = 0; i < n; ++i) { x[i] ^= 0xFF; }",
    "Größe, naïve café, señor, l'été, Übung macht den Meister",
    "Быстрая коричневая лиса прыгает через ленивую собаку",
    "今天天气很好，我们去公园散步吧。東京は日本の首都です。한국어 문장",
    "مرحبا بالعالم नमस्ते दुनिया שלום עולם",
    "e = mc², ∑ ≤ ∞, 🙂👍🏽, 1st 2nd 3rd, https://example.org/a?b=c&d=%20",
};

std::string id_at(const std::vector<Token>& tokens, std::size_t at) {
    return at < tokens.size() ? std::to_string(tokens[at]) : "nothing";
}

void compare_samples(const ListedSide& base, const ListedSide& aligned) {
    for (const std::string_view text : kSamples) {
        const std::vector<Token> of_base = base.tokenize(text, /*begins_prompt=*/false);
        const std::vector<Token> of_aligned = aligned.tokenize(text, /*begins_prompt=*/false);
        if (of_base == of_aligned) continue;
        const auto [first, other] = std::ranges::mismatch(of_base, of_aligned);
        const auto at = static_cast<std::size_t>(first - of_base.begin());
        throw error(ErrorKind::BadInput,
                    "the vocabularies differ: token {} of \"{}\" is {} in the base and {} in the aligned model. "
                    "Distributions over different tokens cannot be compared; take two models of one family",
                    at, printable(text), id_at(of_base, at), id_at(of_aligned, at));
    }
}

const ordered_json kComparedByTokenising{{"compared", "by tokenising"}};

ordered_json start_identity(ordered_json base, ordered_json aligned, std::size_t top_k) {
    return {{"base", std::move(base)}, {"aligned", std::move(aligned)}, {"top_k", top_k}};
}

bool is_here(const ListedSide& side) { return side.local() != nullptr; }

class ListedScorer final : public AnswerScorer {
public:
    ListedScorer(ListedSide& base, ListedSide& aligned, const ShiftOptions& options)
        : base_(base), aligned_(aligned), options_(options) {
        if (options.allowed_vocabulary_mismatch > 0) {
            throw error(ErrorKind::BadInput,
                        "--allow-vocab-mismatch {}: a server does not say which ids differ; this needs both models in "
                        "this process",
                        options.allowed_vocabulary_mismatch);
        }
        compare_samples(base, aligned);
    }

    void check(const ShiftItem& item) const override {
        const auto ids = [&](const ListedSide& side, const std::vector<Token>& tokens, const char* name) {
            const std::size_t size = side.vocabulary_size();
            check_ids(item, tokens, name, size > 0 ? size : std::numeric_limits<Token>::max());
        };
        ids(is_here(base_) ? base_ : aligned_, item.answer_ids, "answer_ids");
        ids(base_, item.base_prompt_ids, "base_prompt_ids");
        ids(aligned_, item.aligned_prompt_ids, "aligned_prompt_ids");
    }

    ordered_json identity() const override {
        if (!computes_here()) return identity_of_pair(base_.identity(), aligned_.identity(), options_.top_k);
        ordered_json identity = start_identity(base_.identity(), aligned_.identity(), options_.top_k);
        add_engine_identity(identity, options_);
        identity["vocabulary"] = kComparedByTokenising;
        return identity;
    }

    ordered_json circumstances() const override {
        std::vector<const Side*> here;
        for (const ListedSide* side : {&base_, &aligned_}) {
            if (is_here(*side)) here.push_back(side->local());
        }
        ordered_json circumstances = here.empty() ? ordered_json::object() : engine_circumstances(here);
        for (const auto& [name, side] : {std::pair("base", &base_), std::pair("aligned", &aligned_)}) {
            if (!is_here(*side)) circumstances["remote"][name] = side->circumstances();
        }
        return circumstances;
    }

    std::string change_since(const ordered_json& manifest) const override {
        for (const auto& [name, side] : {std::pair("base", &base_), std::pair("aligned", &aligned_)}) {
            std::string change;
            if (is_here(*side)) {
                change = generate::change_of_arithmetic(manifest, side->local()->model->info(),
                                                        thread_count(options_.session.threads));
            } else if (const ordered_json::json_pointer path(fmt::format("/remote/{}", name));
                       manifest.contains(path)) {
                change = side->change_since(manifest[path]);
            }
            if (!change.empty()) return change;
        }
        return "";
    }

    bool computes_here() const override { return is_here(base_) || is_here(aligned_); }
    std::string generator() const override { return aligned_.generator(); }
    /// Of a model here where there is one: a server gives the texts of single tokens without their leading blank at
    /// times.
    std::string piece(Token token, bool special) const override {
        return (is_here(base_) ? base_ : aligned_).piece(token, special);
    }
    int sequences(std::span<const ShiftItem* const> items, const ScoreOptions& options) const override {
        return Scorer::sequences(items, options);
    }

    void score(std::span<const ShiftItem* const> items, const ScoreOptions& options, const std::function<void()>& ready,
               const Scorer::Done& done) override {
        say_lost_ends(items);
        std::vector<ListedTask> of_aligned, of_base;
        for (const ShiftItem* item : items) {
            of_aligned.push_back({.item = item, .prompt = item->aligned_prompt_ids, .answer = item->answer_ids});
            of_base.push_back({.item = item, .prompt = item->base_prompt_ids, .answer = item->answer_ids});
            (is_here(aligned_) ? of_base : of_aligned).back().same_text = texts_of(*item);
        }
        const ListedOptions listed{.top_k = std::max<std::size_t>(2, options.top_k),
                                   .parallel = options.parallel,
                                   .max_tokens = options.max_tokens,
                                   .session = options.session};
        base_.prepare(of_base, listed, aligned_);
        aligned_.prepare(of_aligned, listed, base_);
        ready();
        start_ = Clock::now();
        positions_ = 0;
        for (std::size_t i = 0; i < items.size(); ++i) {
            of_aligned[i].on_done = [&, i](ListedAnswer&& answer) {
                pass_on(std::move(of_base[i]), std::move(answer),
                        [&done, i](ScoredAnswer&& scored) { done(i, std::move(scored)); });
            };
        }
        for (ListedTask& task : of_aligned) aligned_.submit(std::move(task));
        run(options);
    }

private:
    /// What both sides must cut alike: the prompts that are plain text, and the query where one is not.
    std::vector<std::string> texts_of(const ShiftItem& item) const {
        std::vector<std::string> texts;
        if (item.answer_text) texts.push_back(*item.answer_text);
        if (trim(item.conversation.query).empty() || !is_valid_utf8(item.conversation.query)) return texts;
        for (const ListedSide* side : {&base_, &aligned_}) {
            std::string text =
                side->prompt().is_text() ? side->prompt().render(item.conversation) : item.conversation.query;
            if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
        }
        return texts;
    }

    void say_lost_ends(std::span<const ShiftItem* const> items) const {
        if (is_here(aligned_) || !options_.notice) return;
        const auto count = std::ranges::count_if(items, &ShiftItem::answer_ended);
        if (count == 0) return;
        options_.notice(fmt::format(
            "{} given answers have an end, whose token a server does not say: it is not scored; answer_ids can have it",
            count));
    }

    void pass_on(ListedTask task, ListedAnswer&& aligned, const std::function<void(ScoredAnswer&&)>& done) {
        ScoredAnswer scored;
        scored.answer = aligned.answer;
        scored.text = std::move(aligned.text);
        scored.finish = std::move(aligned.finish);
        scored.failure = std::move(aligned.failure);
        scored.is_missing = aligned.is_missing;
        if (!scored.failure.empty() || scored.is_missing) return done(std::move(scored));
        task.answer = std::move(aligned.answer);
        // A std::function is copied: what is only moved would not fit into it.
        const auto result = std::make_shared<ScoredAnswer>(std::move(scored));
        const auto stats = std::make_shared<std::vector<ListedStats>>(std::move(aligned.stats));
        task.on_done = [this, result, stats, done](ListedAnswer&& base) {
            if (base.is_missing) {
                result->is_missing = true;
            } else if (!base.failure.empty()) {
                result->failure = std::move(base.failure);
            } else {
                join(*result, std::move(base.stats), std::move(*stats));
            }
            done(std::move(*result));
        };
        base_.submit(std::move(task));
    }

    void join(ScoredAnswer& scored, std::vector<ListedStats>&& base, std::vector<ListedStats>&& aligned) {
        for (std::size_t i = 0; i < scored.answer.size(); ++i) {
            const Token token = scored.answer[i];
            const DivergenceBounds bounds =
                bound_divergence(aligned[i].top, base[i].top, {token, aligned[i].logp}, {token, base[i].logp});
            scored.listed.push_back({std::move(base[i]), std::move(aligned[i]), bounds});
        }
        positions_ += scored.answer.size();
    }

    void run(const ScoreOptions& options) {
        bool computes = false;  // a model here has something to do
        for (;;) {
            const bool aligned_goes_on = aligned_.step(!computes);
            const bool base_goes_on = base_.step(!computes);
            if (options.progress) {
                options.progress({.positions = positions_,
                                  .seconds = std::chrono::duration<double>(Clock::now() - start_).count(),
                                  .base_seconds = base_.seconds(),
                                  .aligned_seconds = aligned_.seconds()});
            }
            if (!aligned_goes_on && !base_goes_on) return;
            computes = (is_here(aligned_) && aligned_goes_on) || (is_here(base_) && base_goes_on);
            if (options.interrupted && options.interrupted()) throw engine::Cancelled();
        }
    }

    ListedSide& base_;
    ListedSide& aligned_;
    const ShiftOptions& options_;
    Clock::time_point start_;
    std::uint64_t positions_ = 0;
};

}  // namespace

std::span<const std::string_view> vocabulary_samples() { return kSamples; }

ordered_json identity_of_pair(ordered_json base, ordered_json aligned, std::size_t top_k) {
    ordered_json identity = start_identity(std::move(base), std::move(aligned), top_k);
    identity["vocabulary"] = kComparedByTokenising;
    return identity;
}

std::unique_ptr<AnswerScorer> listed_scorer(ListedSide& base, ListedSide& aligned, const ShiftOptions& options) {
    return std::make_unique<ListedScorer>(base, aligned, options);
}

}  // namespace urial::shift

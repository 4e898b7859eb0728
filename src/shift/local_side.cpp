// A model in this process as one side of a comparison with one that is not: PairRun with one model alone.

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "generate/record.h"
#include "shift/answer_scorer.h"
#include "shift/listed_side.h"
#include "shift/pair_run.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

ListedAnswer as_listed(ScoredAnswer&& scored) {
    ListedAnswer listed{
        std::move(scored.answer), {}, std::move(scored.text), std::move(scored.finish), std::move(scored.failure)};
    for (PositionStats& position : scored.stats) {
        SideStats& stats = position.aligned;
        listed.stats.push_back({stats.rank, stats.logp, std::move(stats.top)});
    }
    return listed;
}

class LocalSide final : public ListedSide {
public:
    explicit LocalSide(Side side)
        : side_(std::move(side)),
          prepared_(side_.model, side_.prompt),
          vocabulary_{.shared_size = side_.model->info().vocabulary_size} {}

    const Side* local() const override { return &side_; }
    const generate::PromptSource& prompt() const override { return *side_.prompt; }
    ordered_json identity() const override {
        ordered_json identity = describe(side_, prepared_);
        identity["tie_rule"] = "the smaller id first";
        return identity;
    }
    ordered_json circumstances() const override { return nullptr; }
    std::string change_since(const ordered_json&) const override { return ""; }
    std::string generator() const override {
        return generate::generator_name(side_.model->info(), side_.use_adapters, side_.prompt->label());
    }
    std::size_t vocabulary_size() const override { return side_.model->info().vocabulary_size; }
    std::vector<Token> tokenize(std::string_view text, bool begins_prompt) const override {
        return side_.model->tokenize(text, {.add_bos = begins_prompt});
    }
    std::string piece(Token token, bool special) const override { return side_.model->piece(token, special); }

    void prepare(const std::vector<ListedTask>& tasks, const ListedOptions& options, const ListedSide&) override {
        options_ = options;
        run_.reset();
        std::vector<std::size_t> needs;
        bool writes = false;
        const auto most = static_cast<std::size_t>(side_.model->info().training_context);
        for (const ListedTask& task : tasks) {
            const std::optional<PairTask> pair = try_make(task);
            if (!pair) continue;  // submit() says why
            needs.push_back(std::min(most, pair->aligned_prompt.size() + pair->answer_cells(options.max_tokens)));
            writes = writes || pair->answer.empty();
        }
        if (needs.empty()) return;
        PairRunOptions run;
        run.session = options.session;
        run.sequences = std::min(writes ? std::min(options.parallel, kMostSequences) : kGivenSequences,
                                 static_cast<int>(needs.size()));
        run.aligned_context = session_cells(std::move(needs), prepared_.prefix().size(),
                                            writes ? static_cast<std::size_t>(run.sequences) : kGivenAtOnce);
        run.top_k = options.top_k;
        run.max_tokens = options.max_tokens;
        run.answer_form = side_.prompt->answer_form();
        run_ = std::make_unique<PairRun>(side_, prepared_.prefix(), vocabulary_, run);
    }

    void submit(ListedTask task) override {
        try {
            PairTask pair = make(task);
            check_room(*side_.model, pair.aligned_prompt.size(), pair.answer_cells(options_.max_tokens));
            pair.on_done = [on_done = task.on_done](ScoredAnswer&& scored) { on_done(as_listed(std::move(scored))); };
            run_->submit(std::move(pair));
        } catch (const Error& failure) {
            ListedAnswer failed;
            failed.failure = failure.what();
            task.on_done(std::move(failed));
        }
    }

    bool step(bool) override { return run_ && run_->step(); }
    double seconds() const override { return run_ ? run_->aligned_seconds() : 0; }

private:
    PairTask make(const ListedTask& task) const {
        const prompt::Conversation& conversation = task.item->conversation;
        PairTask pair;
        pair.aligned_prompt = task.prompt.empty() ? prepared_.tokenize(conversation) : task.prompt;
        pair.answer = task.answer;
        if (pair.answer.empty() && task.item->answer_text) {
            pair.answer = prepared_.answer_tokens(conversation, pair.aligned_prompt, *task.item->answer_text);
            const std::optional<Token> end = side_.prompt->answer_end(*side_.model);
            if (task.item->answer_ended && end) pair.answer.push_back(*end);
        }
        check_ids(*task.item, pair.answer, "answer_ids", vocabulary_size());
        return pair;
    }

    std::optional<PairTask> try_make(const ListedTask& task) const {
        try {
            return make(task);
        } catch (const Error&) {
            return std::nullopt;
        }
    }

    Side side_;
    generate::PreparedPrompt prepared_;
    VocabularyComparison vocabulary_;
    ListedOptions options_;
    std::unique_ptr<PairRun> run_;
};

}  // namespace

std::unique_ptr<ListedSide> listed_side(Side side) { return std::make_unique<LocalSide>(std::move(side)); }

}  // namespace urial::shift

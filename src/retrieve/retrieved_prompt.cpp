#include "retrieve/retrieved_prompt.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/mutex.h"

namespace urial::retrieve {
namespace {

using engine::Token;
using nlohmann::ordered_json;
using Neighbours = std::vector<Index::Neighbour>;

std::vector<std::string> questions_of(const Pool& pool) {
    std::vector<std::string> questions;
    for (const PoolExample& example : pool.examples) questions.push_back(example.question);
    return questions;
}

class RetrievedPrompt final : public generate::PromptSource {
public:
    RetrievedPrompt(std::shared_ptr<const Pool> pool, std::shared_ptr<const Embedder> embedder,
                    const RetrievedPromptOptions& options, const IndexOptions& index)
        : pool_(std::move(pool)),
          embedder_(std::move(embedder)),
          options_(options),
          index_(Index::open(questions_of(*pool_), *embedder_, index)) {
        for (const PoolExample& example : pool_->examples) {
            normalized_.push_back(normalized_question(example.question));
        }
    }

    std::string name() const override { return "retrieval"; }
    /// What was retrieved from, and with what, is told by a hash, as that of a prompt that is not built in.
    std::string label() const override {
        return fmt::format("retrieval-{}@{}", options_.shots, sha256_hex(identity().dump()).substr(0, 8));
    }
    std::string_view kind() const override { return "retrieval"; }
    ordered_json identity() const override {
        return {{"name", name()},
                {"shots", options_.shots},
                {"pool_sha256", pool_->content_hash},
                {"pool_examples", pool_->examples.size()},
                {"encoder", embedder_->identity()},
                {"form_sha256", sha256_hex(prompt::format_spec(options_.form))}};
    }
    std::string text() const override { return prompt::render_prefix(options_.form); }
    std::string outline() const override { return prompt::render(options_.form, {{}, "{query}"}).text; }
    bool has_prefix() const override { return false; }
    prompt::AnswerForm answer_form() const override { return prompt::answer_form(options_.form); }

    std::string render(const prompt::Conversation& conversation) const override {
        prompt::PromptSpec spec = options_.form;
        const Neighbours nearest = nearest_to(conversation);
        for (auto example = nearest.rbegin(); example != nearest.rend(); ++example) {
            const PoolExample& found = pool_->examples[example->position];
            spec.examples.push_back({{{found.question, found.answer}}, {}});
        }
        return prompt::render(spec, conversation).text;
    }
    std::vector<Token> tokenize(const engine::Model& model, const prompt::Conversation& conversation,
                                std::string_view answer) const override {
        return model.tokenize(render(conversation) + std::string(answer), {.add_bos = true, .parse_special = false});
    }
    ordered_json retrieved(const prompt::Conversation& conversation) const override {
        ordered_json chosen = ordered_json::array();
        const Neighbours nearest = nearest_to(conversation);
        for (auto example = nearest.rbegin(); example != nearest.rend(); ++example) {
            chosen.push_back({{"id", pool_->examples[example->position].id}, {"similarity", example->similarity}});
        }
        return chosen;
    }

private:
    Neighbours nearest_to(const prompt::Conversation& conversation) const {
        const std::string& question =
            conversation.turns.empty() ? conversation.query : conversation.turns.front().query;
        const MutexLock lock(mutex_);
        if (last_question_ == question) return last_;
        const std::string same = normalized_question(question);
        const std::vector<float> vector = embedder_->embed({&question, 1});
        last_ =
            index_.nearest(vector, options_.shots, [&](std::size_t position) { return normalized_[position] == same; });
        last_question_ = question;
        return last_;
    }

    std::shared_ptr<const Pool> pool_;
    std::shared_ptr<const Embedder> embedder_;
    RetrievedPromptOptions options_;
    Index index_;
    std::vector<std::string> normalized_;  // the pool's questions
    // A prompt is rendered more than once: to see whether it fits, to be read, for its record.
    mutable Mutex mutex_;
    mutable std::optional<std::string> last_question_ GUARDED_BY(mutex_);
    mutable Neighbours last_ GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<const generate::PromptSource> retrieved_prompt(std::shared_ptr<const Pool> pool,
                                                               std::shared_ptr<const Embedder> embedder,
                                                               const RetrievedPromptOptions& options,
                                                               const IndexOptions& index) {
    if (options.shots < 1) throw Error(ErrorKind::BadInput, "0 shots: retrieval needs 1 example or more");
    if (pool->examples.size() <= options.shots) {
        throw error(ErrorKind::BadInput, "a pool of {} examples is too small for {} of them beside the question's own",
                    pool->examples.size(), options.shots);
    }
    return std::make_shared<RetrievedPrompt>(std::move(pool), std::move(embedder), options, index);
}

}  // namespace urial::retrieve

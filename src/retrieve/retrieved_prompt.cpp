#include "retrieve/retrieved_prompt.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/text.h"

namespace urial::retrieve {
namespace {

using engine::Token;
using nlohmann::ordered_json;
using Neighbours = std::vector<Neighbour>;

/// Questions whose neighbours are kept.
constexpr std::size_t kMostKnown = 10'000;

/// What makes two questions the same: all white space counts as one space, and none at the ends.
std::string normalized(std::string_view question) {
    std::string text;
    for (const char c : trim(question)) {
        const bool is_space = c == ' ' || (c >= '\t' && c <= '\r');
        if (!is_space) {
            text += c;
        } else if (!text.ends_with(' ')) {
            text += ' ';
        }
    }
    return text;
}

/// Of questions that are the same the first one stays: an example is not shown twice.
Pool without_repetition(Pool pool) {
    std::set<std::string> seen;
    std::erase_if(pool.examples,
                  [&](const Example& example) { return !seen.insert(normalized(example.instruction)).second; });
    return pool;
}

std::vector<std::string> questions_of(const Pool& pool) {
    std::vector<std::string> questions;
    for (const Example& example : pool.examples) questions.push_back(example.instruction);
    return questions;
}

std::string hash_of(const Pool& pool) {
    Sha256 hash;
    for (const Example& example : pool.examples) {
        hash.update(fmt::format("{} {}\n", example.instruction.size(), example.answer.size()));
        hash.update(example.instruction);
        hash.update(example.answer);
    }
    return hash.finish_hex();
}

class RetrievedPrompt final : public generate::PromptSource {
public:
    RetrievedPrompt(Pool pool, std::shared_ptr<const Embedder> embedder, const RetrievedPromptOptions& options)
        : pool_(std::move(pool)),
          pool_hash_(hash_of(pool_)),
          embedder_(std::move(embedder)),
          options_(options),
          index_(open_index(*embedder_, questions_of(pool_), options.index)) {}

    std::string name() const override { return "retrieval"; }
    /// What was retrieved from, and by which encoder, is told by a hash.
    std::string label() const override {
        return fmt::format("retrieval-{}@{}", options_.shots, sha256_hex(identity().dump()).substr(0, 8));
    }
    std::string_view kind() const override { return "retrieval"; }
    ordered_json identity() const override {
        return {{"name", name()},
                {"shots", options_.shots},
                {"pool", {{"examples", pool_.examples.size()}, {"sha256", pool_hash_}}},
                {"encoder", embedder_->identity()},
                {"form_sha256", sha256_hex(prompt::format_spec(options_.form))}};
    }
    std::string text() const override { return prompt::render_prefix(options_.form); }
    std::string outline() const override { return prompt::render(options_.form, {{}, "{query}"}).text; }
    bool has_prefix() const override { return false; }
    prompt::AnswerForm answer_form() const override { return prompt::answer_form(options_.form); }

    std::string render(const prompt::Conversation& conversation) const override {
        prompt::PromptSpec spec = options_.form;
        for (const Neighbour& neighbour : nearest_to(conversation)) {
            const Example& example = pool_.examples[neighbour.position];
            spec.examples.push_back({{{example.instruction, example.answer}}, {}});
        }
        return prompt::render(spec, conversation).text;
    }
    std::vector<Token> tokenize(const engine::Model& model, const prompt::Conversation& conversation,
                                std::string_view answer) const override {
        return model.tokenize(render(conversation) + std::string(answer), {.add_bos = true, .parse_special = false});
    }
    ordered_json retrieved(const prompt::Conversation& conversation) const override {
        ordered_json examples = ordered_json::array();
        for (const Neighbour& neighbour : nearest_to(conversation)) {
            examples.push_back({{"position", neighbour.position},
                                {"instruction", pool_.examples[neighbour.position].instruction},
                                {"similarity", neighbour.similarity}});
        }
        return examples;
    }

private:
    /// The nearest last.
    Neighbours nearest_to(const prompt::Conversation& conversation) const {
        const std::string& question =
            conversation.turns.empty() ? conversation.query : conversation.turns.front().query;
        const MutexLock lock(mutex_);
        if (const auto known = known_.find(question); known != known_.end()) return known->second;
        const std::string same = normalized(question);
        Neighbours nearest = index_->nearest(
            embedder_->embed({&question, 1}), options_.shots,
            [&](std::size_t position) { return normalized(pool_.examples[position].instruction) == same; });
        std::ranges::reverse(nearest);
        if (known_.size() == kMostKnown) known_.clear();
        return known_[question] = nearest;
    }

    Pool pool_;
    std::string pool_hash_;
    std::shared_ptr<const Embedder> embedder_;
    RetrievedPromptOptions options_;
    std::shared_ptr<const Index> index_;
    // A prompt is asked for more than once: to see whether it fits, to be read, for its record.
    mutable Mutex mutex_;
    mutable std::unordered_map<std::string, Neighbours> known_ GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<const generate::PromptSource> retrieved_prompt(Pool pool, std::shared_ptr<const Embedder> embedder,
                                                               const RetrievedPromptOptions& options) {
    pool = without_repetition(std::move(pool));
    if (options.shots < 1) throw Error(ErrorKind::BadInput, "0 shots: retrieval needs 1 example or more");
    if (pool.examples.size() <= options.shots) {
        throw error(ErrorKind::BadInput, "a pool of {} examples is too small for {} of them beside a question's own",
                    pool.examples.size(), options.shots);
    }
    return std::make_shared<RetrievedPrompt>(std::move(pool), std::move(embedder), options);
}

}  // namespace urial::retrieve

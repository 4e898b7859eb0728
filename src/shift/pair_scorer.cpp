// Two models in this process, as a run folder sees them.

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/parallel.h"
#include "generate/record.h"
#include "generate/run_identity.h"
#include "shift/answer_scorer.h"
#include "shift/original_measures.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

std::string_view flash_attention_name(engine::SessionOptions::FlashAttention choice) {
    using Choice = engine::SessionOptions::FlashAttention;
    if (choice == Choice::Auto) return "auto";
    return choice == Choice::On ? "on" : "off";
}

ordered_json describe(const generate::PreparedPrompt& prompt) {
    const generate::PromptSource& source = prompt.source();
    ordered_json described{{"kind", source.kind()}};
    described.update(source.identity());
    if (source.has_prefix()) described["prefix_tokens"] = prompt.prefix().size();
    described["text"] = source.outline();
    return described;
}

class PairScorer final : public AnswerScorer {
public:
    PairScorer(const Side& base, const Side& aligned, const ShiftOptions& options)
        : base_(base),
          aligned_(aligned),
          options_(options),
          scorer_(base, aligned, options.allowed_vocabulary_mismatch) {}

    void check(const ShiftItem& item) const override {
        check_ids(item, item.answer_ids, "answer_ids", aligned_.model->info().vocabulary_size);
        check_ids(item, item.base_prompt_ids, "base_prompt_ids", base_.model->info().vocabulary_size);
        check_ids(item, item.aligned_prompt_ids, "aligned_prompt_ids", aligned_.model->info().vocabulary_size);
    }

    ordered_json identity() const override {
        ordered_json identity{{"base", shift::describe(base_, scorer_.base_prompt())},
                              {"aligned", shift::describe(aligned_, scorer_.aligned_prompt())},
                              {"top_k", options_.top_k}};
        add_engine_identity(identity, options_);
        const VocabularyComparison& vocabulary = scorer_.vocabulary();
        identity["vocabulary"] = {{"compared", vocabulary.shared_size - vocabulary.different.size()},
                                  {"left_out", vocabulary.mismatches()}};
        return identity;
    }

    ordered_json circumstances() const override { return engine_circumstances(std::array{&base_, &aligned_}); }

    /// The arithmetic itself belongs to the identity.
    std::string change_since(const ordered_json& manifest) const override {
        for (const auto* side : {&base_, &aligned_}) {
            std::string change =
                generate::change_of_arithmetic(manifest, side->model->info(), thread_count(options_.session.threads));
            if (!change.empty()) return change;
        }
        return "";
    }

    bool computes_here() const override { return true; }
    std::string generator() const override {
        return generate::generator_name(aligned_.model->info(), aligned_.use_adapters, aligned_.prompt->label());
    }
    std::string piece(Token token, bool special) const override { return aligned_.model->piece(token, special); }
    int sequences(std::span<const ShiftItem* const> items, const ScoreOptions& options) const override {
        return Scorer::sequences(items, options);
    }
    void score(std::span<const ShiftItem* const> items, const ScoreOptions& options, const std::function<void()>& ready,
               const Scorer::Done& done) override {
        ScoreOptions with_measures = options;
        with_measures.top_k = std::max(options.top_k, kOriginalListLength);
        scorer_.score(items, with_measures, ready, done);
    }

private:
    const Side& base_;
    const Side& aligned_;
    const ShiftOptions& options_;
    Scorer scorer_;
};

}  // namespace

ordered_json describe(const Side& side, const generate::PreparedPrompt& prompt) {
    const engine::ModelInfo& info = side.model->info();
    const ordered_json adapters = side.use_adapters ? generate::describe_adapters(info) : ordered_json::array();
    ordered_json model{{"name", info.name},
                       {"description", info.description},
                       {"sha256", info.content_hash},
                       {"weight_type", side.weight_type}};
    model.update(generate::describe_computation(info));
    if (info.packed_matrices < info.quantised_matrices) {
        model["arithmetic_covers"] = {{"matrices", info.packed_matrices}, {"of", info.quantised_matrices}};
    }
    return {{"model", model}, {"adapters", adapters}, {"prompt", describe(prompt)}};
}

void add_engine_identity(ordered_json& identity, const ShiftOptions& options) {
    const engine::EngineBuild build = engine::engine_build();
    identity["engine"] = {{"version", build.version}, {"commit", build.commit}};
    identity["flash_attention"] = flash_attention_name(options.session.flash_attention);
}

ordered_json engine_circumstances(std::span<const Side* const> sides) {
    ordered_json circumstances{{"engine", generate::describe_engine()}, {"kernel", path_name(KernelPath::Automatic)}};
    ordered_json devices = ordered_json::array();
    for (const Side* side : sides) {
        for (ordered_json& device : generate::describe_devices(side->model->info())) {
            if (std::ranges::find(devices, device) == devices.end()) devices.push_back(std::move(device));
        }
    }
    if (!devices.empty()) circumstances["devices"] = std::move(devices);
    return circumstances;
}

void check_ids(const ShiftItem& item, const std::vector<Token>& ids, const char* name, std::size_t size) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < size) continue;
        throw error(ErrorKind::BadInput, "item {} (line {}): {}[{}] is {}, outside the vocabulary of {} tokens; {}",
                    item.id, item.line, name, i, ids[i], size, "were the ids made with another model?");
    }
}

std::unique_ptr<AnswerScorer> pair_scorer(const Side& base, const Side& aligned, const ShiftOptions& options) {
    return std::make_unique<PairScorer>(base, aligned, options);
}

}  // namespace urial::shift

#include "support/scripted_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "engine/token_store.h"

namespace urial::test {
namespace {

using engine::Token;

class ScriptedSession final : public engine::Session {
public:
    ScriptedSession(std::shared_ptr<const ScriptedModel> model, const engine::SessionOptions& options)
        : model_(std::move(model)),
          options_(options),
          store_({static_cast<std::size_t>(options.sequences), static_cast<std::size_t>(options.prefixes),
                  static_cast<std::size_t>(options.context_tokens)},
                 model_->sharing(), options.share_running ? engine::Running::Shared : engine::Running::Alone,
                 [](std::size_t) {}) {}

    int sequence_count() const override { return static_cast<int>(store_.sequence_count()); }
    int context_tokens() const override { return options_.context_tokens; }
    int free_tokens() const override { return static_cast<int>(store_.free_cells()); }
    int pinned_tokens() const override { return static_cast<int>(store_.pinned_cells()); }
    int batch_rows() const override { return options_.batch_rows; }
    int logit_rows() const override { return options_.logit_rows > 0 ? options_.logit_rows : options_.sequences; }
    int threads() const override { return thread_count(options_.threads); }

    engine::PrefixOrigin pin(std::span<const Token> tokens) override {
        if (tokens.empty()) return engine::PrefixOrigin::Empty;
        if (const auto place = store_.find(tokens)) {
            store_.pin(*place);
            return engine::PrefixOrigin::Present;
        }
        const std::size_t place = store_.add_pinned(tokens);
        if (is_cancelled()) {
            store_.drop(place);
            throw engine::Cancelled();
        }
        ++model_->log().prefix_decodes;
        return engine::PrefixOrigin::Computed;
    }
    void unpin(std::span<const Token> tokens) override {
        if (const auto place = store_.find(tokens)) store_.unpin(*place);
    }
    engine::Shareable shareable(std::span<const Token> tokens, std::size_t most) const override {
        const engine::TokenStore::Share share = store_.share(tokens, most);
        return {share.tokens, share.pinned, share.firm};
    }
    bool shares_running() const override { return store_.shares_running(); }
    std::size_t start(int sequence, std::span<const Token> tokens, std::size_t most) override {
        store_.forget(sequence);
        const engine::TokenStore::Share share = store_.share(tokens, most);
        store_.start(sequence, share);
        return share.tokens;
    }
    void end(int sequence, engine::Afterwards afterwards) override {
        if (afterwards == engine::Afterwards::Keep) {
            store_.keep(sequence);
        } else {
            store_.forget(sequence);
        }
    }
    std::size_t length(int sequence) const override { return store_.length(sequence); }

    void decode(std::span<const engine::Row> rows) override {
        if (static_cast<int>(rows.size()) > options_.batch_rows) throw Error(ErrorKind::BadInput, "too many rows");
        if (static_cast<int>(rows.size()) > free_tokens()) throw Error(ErrorKind::ContextFull, "no cells left");
        const auto wanted = std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.wants_logits; });
        if (wanted > logit_rows()) throw Error(ErrorKind::BadInput, "too many rows want logits");
        if (is_cancelled()) {
            for (const engine::Row& row : rows) store_.forget(row.sequence);
            throw engine::Cancelled();
        }
        logits_.assign(rows.size(), {});
        for (std::size_t i = 0; i < rows.size(); ++i) {
            store_.append(rows[i].sequence, rows[i].token);
            if (rows[i].wants_logits) logits_[i] = row_after(store_.tokens(rows[i].sequence));
        }
        SessionLog& log = model_->log();
        log.scored_rows += static_cast<std::size_t>(wanted);
        ++log.decodes;
        log.rows += rows.size();
        log.most_rows = std::max(log.most_rows.load(), rows.size());
    }

    std::span<const float> logits(std::size_t row) const override {
        if (logits_.at(row).empty()) throw Error(ErrorKind::BadInput, "the row has no logits");
        return logits_[row];
    }

    bool computes_elsewhere() const override { return is_elsewhere_; }

private:
    bool is_cancelled() const { return options_.watch.cancelled && options_.watch.cancelled(); }

    std::vector<float> row_after(std::span<const Token> tokens) const {
        std::string text;
        for (const Token token : tokens) text += model_->piece(token, false);
        return model_->logits_after(text);
    }

    std::shared_ptr<const ScriptedModel> model_;
    engine::SessionOptions options_;
    engine::TokenStore store_;
    bool is_elsewhere_ = model_->is_elsewhere();
    std::vector<std::vector<float>> logits_;
};

class AllowsEverything final : public engine::TokenConstraint {
public:
    void keep_allowed(std::vector<Token>&) const override {}
    void accept(Token) override {}
};

}  // namespace

Script answer_after(std::string marker, std::function<std::string(std::string_view)> answer) {
    return [marker = std::move(marker), answer = std::move(answer)](std::string_view text) -> std::optional<char> {
        const std::size_t found = text.rfind(marker);
        if (found == std::string_view::npos) return std::nullopt;
        const std::size_t begin = found + marker.size();
        const std::string whole = answer(text.substr(0, begin));
        const std::size_t written = text.size() - begin;
        if (written >= whole.size()) return std::nullopt;
        return whole[written];
    };
}

prompt::PromptSpec small_prompt() {
    prompt::PromptSpec spec;
    spec.name = "small";
    spec.preamble = "Preamble.\n";
    spec.form = {"Q: ", "\n", "A: ", "\n"};
    return spec;
}

ScriptedModel::ScriptedModel(Script script, int training_context) : script_(std::move(script)) {
    info_.description = "scripted";
    info_.name = "scripted";
    info_.content_hash = "scripted";
    info_.vocabulary_size = kScriptedVocabulary;
    info_.training_context = training_context;
    info_.adds_bos = true;
    info_.bos = kBos;
}

std::vector<Token> ScriptedModel::tokenize(std::string_view text, engine::TokenizeOptions options) const {
    std::vector<Token> tokens;
    if (options.add_bos) tokens.push_back(kBos);
    for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
    return tokens;
}

std::string ScriptedModel::piece(Token token, bool special) const {
    if (token >= 0 && token < 256) return std::string(1, static_cast<char>(token));
    if (token == kBos) return special ? "<bos>" : "";
    if (token == kEndOfText) return special ? "<eos>" : "";
    throw error(ErrorKind::BadInput, "token id {} is outside the vocabulary", token);
}

std::vector<float> ScriptedModel::logits_after(std::string_view text) const {
    std::vector<float> row(kScriptedVocabulary, 0.0F);
    if (is_shaded_) {
        const std::size_t seed = std::hash<std::string_view>()(text);
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = static_cast<float>((seed ^ (i * 0x9E3779B97F4A7C15ULL)) % 1009) / 1009.0F;
        }
    }
    const std::optional<char> next = script_(text);
    row[next ? static_cast<unsigned char>(*next) : static_cast<std::size_t>(kEndOfText)] += 10.0F;
    return row;
}

std::unique_ptr<engine::Session> ScriptedModel::new_session(const engine::SessionOptions& options) const {
    return std::make_unique<ScriptedSession>(shared_from_this(), options);
}

std::unique_ptr<engine::TokenConstraint> ScriptedModel::new_grammar(const std::string&) const {
    return std::make_unique<AllowsEverything>();
}

}  // namespace urial::test

#pragma once

// A model for tests without weights: its vocabulary is the 256 bytes, BOS and end of text, and a script decides the
// next byte from the text so far. It stands behind the real interface and checks what the real engine would check.

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "engine/grammar.h"
#include "engine/token_store.h"
#include "prompt/prompt.h"

namespace urial::test {

inline constexpr engine::Token kBos = 256;
inline constexpr engine::Token kEndOfText = 257;
inline constexpr std::size_t kScriptedVocabulary = 258;

/// The next byte after the text of a sequence (BOS excluded), or nothing: end of text.
using Script = std::function<std::optional<char>(std::string_view text_so_far)>;

/// Continues a text that ends with a prompt: `answer` is asked once with the text up to the last `marker` and gives
/// what should follow it, end of text after that. For prompts whose answers begin after a marker such as "#
/// Answer:\n```\n".
Script answer_after(std::string marker, std::function<std::string(std::string_view prompt)> answer);

/// A prompt whose answers begin after "A: ", in plain text.
prompt::PromptSpec small_prompt();

/// What the sessions of the scripted model did, for tests of batching.
struct SessionLog {
    std::atomic<std::size_t> decodes = 0;
    std::atomic<std::size_t> rows = 0;
    std::atomic<std::size_t> most_rows = 0;
    std::atomic<std::size_t> prefix_decodes = 0;
    std::atomic<std::size_t> scored_rows = 0;  ///< that wanted logits

    void clear() { decodes = rows = most_rows = prefix_decodes = scored_rows = 0; }
};

class ScriptedModel final : public engine::Model, public std::enable_shared_from_this<ScriptedModel> {
public:
    explicit ScriptedModel(Script script, int training_context = 100'000);

    const engine::ModelInfo& info() const override { return info_; }
    std::vector<engine::Token> tokenize(std::string_view text, engine::TokenizeOptions options) const override;
    std::string piece(engine::Token token, bool special) const override;
    bool ends_generation(engine::Token token) const override { return token == kEndOfText; }
    std::unique_ptr<engine::Session> new_session(const engine::SessionOptions& options) const override;
    /// Allows everything: a script says what it means to say.
    std::unique_ptr<engine::TokenConstraint> new_grammar(const std::string& gbnf) const override;

    /// Each logit gets an addition below 1 that the text and the token decide: no two rows are alike then.
    void set_shading(bool shaded) { is_shaded_ = shaded; }
    /// The logits behind a text (without BOS).
    std::vector<float> logits_after(std::string_view text) const;

    /// How much of a prefix the sessions made from now on share.
    void set_sharing(engine::Sharing sharing) { sharing_ = sharing; }

    /// Sessions made from now on say that they compute elsewhere, as those on a GPU do.
    void set_elsewhere(bool elsewhere) { is_elsewhere_ = elsewhere; }

    const Script& script() const { return script_; }
    engine::Sharing sharing() const { return sharing_; }
    bool is_elsewhere() const { return is_elsewhere_; }
    SessionLog& log() const { return log_; }

private:
    Script script_;
    engine::ModelInfo info_;
    bool is_shaded_ = false;
    bool is_elsewhere_ = false;
    engine::Sharing sharing_ = engine::Sharing::AnyPart;
    mutable SessionLog log_;
};

}  // namespace urial::test

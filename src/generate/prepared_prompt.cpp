#include <algorithm>

#include "base/error.h"
#include "generate/generate.h"

namespace urial::generate {
namespace {

/// Queries that begin as differently as text can: what all their tokenisations share does not depend on the query.
constexpr std::string_view kProbes[] = {"The", " x", "\n\n1", "\xE4\xBD\xA0"};

}  // namespace

PreparedPrompt::PreparedPrompt(std::shared_ptr<const engine::Model> model, prompt::PromptSpec spec)
    : PreparedPrompt(std::move(model), in_context_prompt(std::move(spec))) {}

PreparedPrompt::PreparedPrompt(std::shared_ptr<const engine::Model> model, std::shared_ptr<const PromptSource> source)
    : model_(std::move(model)), source_(std::move(source)) {
    if (!source_->has_prefix()) return;
    bool first = true;
    for (const std::string_view probe : kProbes) {
        const std::vector<Token> tokens = tokenize({{}, std::string(probe)});
        if (first) prefix_ = tokens;
        prefix_.resize(engine::common_length(prefix_, tokens));
        first = false;
    }
}

std::vector<Token> PreparedPrompt::answer_tokens(const prompt::Conversation& conversation,
                                                 const std::vector<Token>& prompt, std::string_view answer) const {
    const std::vector<Token> whole = source_->tokenize(*model_, conversation, answer);
    if (whole.size() > prompt.size() && engine::common_length(whole, prompt) == prompt.size()) {
        return {whole.begin() + static_cast<std::ptrdiff_t>(prompt.size()), whole.end()};
    }
    return model_->tokenize(answer, {});
}

std::size_t PreparedPrompt::shared_length(const std::vector<Token>& tokens) const {
    // The last token is always decoded: its logits choose the first token of the answer.
    const std::size_t most = tokens.empty() ? 0 : tokens.size() - 1;
    return std::min(engine::common_length(prefix_, tokens), most);
}

FittedConversation fit(const PreparedPrompt& prompt, prompt::Conversation conversation, std::size_t room,
                       std::size_t reserve, Overflow overflow) {
    FittedConversation fitted;
    for (;;) {
        fitted.tokens = prompt.tokenize(conversation);
        if (fitted.tokens.size() + reserve <= room) return fitted;
        if (overflow == Overflow::Error || conversation.turns.empty()) break;
        conversation.turns.erase(conversation.turns.begin());
        ++fitted.dropped_turns;
    }
    throw error(
        ErrorKind::ContextFull,
        "the conversation has {} tokens and the answer may take {}, together more than the context of {}: use a "
        "larger context, fewer new tokens{} or a shorter prompt",
        fitted.tokens.size(), reserve, room,
        overflow == Overflow::Error && !conversation.turns.empty() ? ", overflow drop-oldest" : "");
}

}  // namespace urial::generate

#pragma once

// How one side of the comparison sees a conversation, as tokens. Internal to this part.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generate/generate.h"
#include "shift/shift.h"

namespace urial::shift {

class SidePrompt {
public:
    explicit SidePrompt(const Side& side);

    /// Tokens that every conversation begins with; empty for a chat template.
    const std::vector<Token>& prefix() const { return prefix_; }
    std::vector<Token> tokenize(const prompt::Conversation& conversation) const;
    /// The tokens of a given answer behind `prompt` (which is tokenize(conversation)): as the end of the whole text's
    /// tokens where these begin with the prompt's, else tokenised on its own. `ended` adds the token that ends an
    /// answer.
    std::vector<Token> answer_tokens(const prompt::Conversation& conversation, const std::vector<Token>& prompt,
                                     std::string_view answer, bool ended) const;
    /// What ends an answer beside the model's own end tokens.
    const prompt::AnswerForm& answer_form() const { return answer_form_; }
    /// Who answers on this side, as generate/record.h names it.
    std::string generator() const;
    /// For manifests: kind, name and exact text.
    nlohmann::ordered_json describe() const;

private:
    std::vector<engine::ChatMessage> messages(const prompt::Conversation& conversation) const;

    std::shared_ptr<const engine::Model> model_;
    bool use_adapters_;
    std::optional<generate::PreparedPrompt> prompt_;  // one of these two
    std::optional<engine::ChatTemplate> chat_;
    bool takes_system_ = true;
    std::optional<Token> end_;
    std::vector<Token> prefix_;
    prompt::AnswerForm answer_form_;
};

}  // namespace urial::shift

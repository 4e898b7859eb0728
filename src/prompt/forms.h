#pragma once

// Turn forms by header and fence, shared by the reader of specifications and the parser of original files. Internal.

#include <string>
#include <string_view>

#include "prompt/prompt.h"

namespace urial::prompt {

inline constexpr std::string_view kFence = "```";

/// The form of our own prompts: each text under its header, between ``` lines or blank lines.
TurnForm styled_form(std::string_view query_header, std::string_view answer_header, bool fenced);

/// True when the four literal texts are the same; how a user's query is trimmed does not matter for examples.
bool same_texts(const TurnForm& left, const TurnForm& right);

/// Backticks that a line begins with after its indentation, the indentation, and what follows them.
struct FenceLine {
    std::size_t indentation = 0;
    std::size_t run = 0;  ///< 0: not a fence line
    bool bare = false;    ///< nothing but whitespace follows
};

/// Reads a line (without its newline) as Markdown does: at least three backticks, and no backtick in what follows.
FenceLine read_fence(std::string_view line);

/// Sets form, headers and fence as the originals' renderers continue a prompt (original.cpp). Auto counts as Current.
void continue_with(PromptSpec& spec, OriginalForm form);

}  // namespace urial::prompt

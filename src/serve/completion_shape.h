#pragma once

// What answers look like in OpenAI's interface: chat completions and legacy completions, whole and in chunks. Pure.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "generate/generate.h"
#include "serve/fields.h"

namespace urial::serve {

/// The prompt of one group of choices, as far as the answer shows it.
struct ShownPrompt {
    std::vector<generate::Token> tokens;
    std::string text;            ///< what an echo shows
    bool has_added_bos = false;  ///< the first token was put there by the server: an echo does not show it
};

/// Where a chunk stands.
struct ChunkPlace {
    std::size_t index = 0;        ///< of the choice
    bool is_first = true;         ///< of this choice
    std::size_t text_offset = 0;  ///< code points of the answer before it
};

struct Usage {
    std::size_t prompt_tokens = 0;
    std::size_t completion_tokens = 0;
};
Json usage_json(const Usage& usage);

/// How one endpoint writes a choice. Immutable.
class CompletionShape {
public:
    virtual ~CompletionShape() = default;

    virtual const char* whole_object() const = 0;  ///< "chat.completion"
    virtual const char* chunk_object() const = 0;
    virtual const char* id_prefix() const = 0;

    /// A choice that has ended. `result.prompt_scores` is not read here.
    virtual Json whole(std::size_t index, const ShownPrompt& prompt, const generate::Result& result) const = 0;
    /// A part of one.
    virtual Json chunk(const ChunkPlace& place, const ShownPrompt& prompt, const generate::Piece& piece) const = 0;
    /// Its end, with nothing but the reason.
    virtual Json last_chunk(std::size_t index, const generate::Result& result) const = 0;
};

struct ShapeOptions {
    const engine::Model* model = nullptr;  ///< outlives the shape
    bool shows_scores = false;             ///< logprobs
    std::size_t top = 0;                   ///< entries of their lists
    bool echoes = false;                   ///< legacy form alone
    bool shows_token_ids = false;
    std::vector<std::string> stops;            ///< those of the request: named as stop_reason
    std::vector<generate::Token> stop_tokens;  ///< likewise
};
std::unique_ptr<CompletionShape> chat_shape(ShapeOptions options);
std::unique_ptr<CompletionShape> legacy_shape(ShapeOptions options);

/// [null, {"ID": {"logprob", "rank", "decoded_token"}, ...}, ...], one entry a prompt token; the token's own first.
Json prompt_logprobs_json(const engine::Model& model, std::span<const std::optional<generate::TokenScore>> scores);

std::size_t code_points(std::string_view text);

/// A log-probability; JSON has no infinity: -9999 stands for it, as in vLLM.
double finite_logprob(double logp);

/// The text of a token; bytes that are no text by themselves as "bytes:\xe2\x80".
std::string token_text(std::string_view bytes);

}  // namespace urial::serve

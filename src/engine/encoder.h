#pragma once

// Encoders: models that turn a text into a vector of length 1, whose products with each other say how alike texts are.
// MPNet, which llama.cpp does not know, is computed here on ggml; every other encoder is llama.cpp's.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace urial::engine {

struct EncoderInfo {
    std::string name;          ///< general.name of the file, or its stem
    std::string architecture;  ///< "mpnet", "bert", ...
    std::string content_hash;  ///< sha256 of the file
    std::size_t dimension = 0;
    Arithmetic arithmetic = Arithmetic::Engine;  ///< what is really used
    std::size_t most_tokens = 0;                 ///< of a text, the special ones among them; longer texts are cut
};

struct EncodeOptions {
    int threads = 0;  ///< 0: one per core
    /// `progress` gets texts; both are called between batches, on the caller's thread.
    Watch watch;
};

/// Immutable; encode() may be called from several threads at once, each of which computes with its own memory.
class Encoder {
public:
    virtual ~Encoder() = default;

    virtual const EncoderInfo& info() const = 0;
    /// What the model reads of a text: with its special tokens, cut to most_tokens.
    virtual std::vector<Token> tokenize(std::string_view text) const = 0;
    /// The vectors of the texts, `dimension` numbers each, one after the other. What a text gets depends on the others
    /// by rounding alone. Throws Cancelled, and Error{Model} when the engine fails.
    std::vector<float> encode(std::span<const std::string> texts, const EncodeOptions& options = {}) const;

protected:
    /// Computes batches; for one thread.
    class Pass {
    public:
        virtual ~Pass() = default;
        /// The vectors of texts given by their tokens, of any length; outputs[i] gets `dimension` numbers.
        virtual void compute(std::span<const std::vector<Token>* const> texts, std::span<float* const> outputs) = 0;
    };
    /// For batches of at most `tokens` tokens and `texts` texts.
    virtual std::unique_ptr<Pass> new_pass(std::size_t tokens, std::size_t texts, int threads) const = 0;
};

struct EncoderOptions {
    std::filesystem::path path;  ///< a GGUF file, already checked (models/models.h)
    std::string content_hash;    ///< sha256 of the file where the caller knows it; computed when empty
    /// Engine: MPNet's products in f32 by ggml; else by wide_product.h where it runs, which moves a vector by less than
    /// 0.000001 in cosine.
    Arithmetic arithmetic = Arithmetic::Packed;
    Watch watch;  ///< of the loading
};

/// Throws Error{Model} with what is wrong with the file, and Cancelled.
std::shared_ptr<const Encoder> load_encoder(const EncoderOptions& options);

/// What the trial of an unknown file does with an encoder (model_trial.h).
void exercise_encoder(const EncoderOptions& options);

}  // namespace urial::engine

#include "engine/encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "engine/gguf_file.h"
#include "engine/llama_encoder.h"
#include "engine/mpnet_encoder.h"

namespace urial::engine {
namespace {

/// Of a batch. More tokens share the reading of the weights, until what lies between two layers leaves the cache.
constexpr std::size_t kBatchTokens = 512;
constexpr std::size_t kBatchTexts = 64;

void make_unit(std::span<float> vector) {
    double squares = 0;
    for (const float number : vector) squares += static_cast<double>(number) * number;
    if (squares == 0 || !std::isfinite(squares)) throw error(ErrorKind::Model, "the encoder computed no usable vector");
    const auto factor = static_cast<float>(1 / std::sqrt(squares));
    for (float& number : vector) number *= factor;
}

/// Texts by their length, the longest first: a batch's are alike, and too little memory shows at once.
std::vector<std::size_t> by_length(const std::vector<std::vector<Token>>& tokens) {
    std::vector<std::size_t> order(tokens.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return tokens[i].size(); });
    return order;
}

}  // namespace

std::vector<float> Encoder::encode(std::span<const std::string> texts, const EncodeOptions& options) const {
    const std::size_t dimension = info().dimension;
    std::vector<float> vectors(texts.size() * dimension);
    if (texts.empty()) return vectors;
    const auto stop_if_cancelled = [&] {
        if (options.watch.cancelled && options.watch.cancelled()) throw Cancelled();
    };
    std::vector<std::vector<Token>> tokens;
    tokens.reserve(texts.size());
    for (const std::string& text : texts) {
        if (tokens.size() % 256 == 0) stop_if_cancelled();
        tokens.push_back(tokenize(text));
    }
    const std::vector<std::size_t> order = by_length(tokens);
    const std::size_t most = std::max(kBatchTokens, tokens[order.front()].size());
    const std::unique_ptr<Pass> pass =
        new_pass(most, std::min(kBatchTexts, texts.size()), thread_count(options.threads));
    for (std::size_t done = 0; done < order.size();) {
        stop_if_cancelled();
        std::vector<const std::vector<Token>*> batch;
        std::vector<float*> outputs;
        for (std::size_t rows = 0; done < order.size() && batch.size() < kBatchTexts; ++done) {
            const std::vector<Token>& text = tokens[order[done]];
            if (rows + text.size() > most) break;
            rows += text.size();
            batch.push_back(&text);
            outputs.push_back(&vectors[order[done] * dimension]);
        }
        pass->compute(batch, outputs);
        for (float* output : outputs) make_unit({output, dimension});
        if (options.watch.progress) options.watch.progress(done, texts.size());
    }
    return vectors;
}

std::shared_ptr<const Encoder> load_encoder(const EncoderOptions& options) {
    const GgufFile file(options.path);
    return file.text("general.architecture") == kMpnet ? load_mpnet_encoder(file, options)
                                                       : load_llama_encoder(options);
}

void exercise_encoder(const EncoderOptions& options) {
    const std::shared_ptr<const Encoder> encoder = load_encoder(options);
    const std::vector<std::string> texts{"", "The quick brown fox, 12 + 30 = 42.",
                                         "caf\xC3\xA9 \xE4\xBD\xA0\xF0\x9F\x98\x80"};
    EncodeOptions one_thread;
    one_thread.threads = 1;
    (void)encoder->encode(texts, one_thread);
}

}  // namespace urial::engine

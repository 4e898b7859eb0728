// What `urial generate` is measured against on a machine without llama-batched-bench: the calls that this makes, and
// nothing else. Sequences share the cells of one prefix; every step decodes a token of each, with logits that nobody
// reads.
//
//   bench_bare_generate MODEL.gguf [--width 64] [--tokens 128] [--prefix 1000] [--gpu-layers -1] [--rows 0]
//
// Prints one JSON object: width, tokens (of a sequence), tokens_per_s; with --rows also rows_per_s, of batches of that
// many rows in one sequence that all want logits, as the forced pass of `urial shift` has them.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <llama.h>
#include <CLI/CLI.hpp>

#include "base/parallel.h"

namespace {

constexpr int kMostBatchRows = 512;

struct Options {
    std::string model;
    int width = 64;
    int tokens = 128;
    int prefix = 1000;
    int gpu_layers = -1;
    int rows = 0;
};

struct FreeModel {
    void operator()(llama_model* model) const { llama_model_free(model); }
};
struct FreeContext {
    void operator()(llama_context* context) const { llama_free(context); }
};
struct FreeBatch {
    void operator()(llama_batch* batch) const {
        llama_batch_free(*batch);
        delete batch;
    }
};

double seconds_of(const auto& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class Bare {
public:
    explicit Bare(const Options& options)
        : options_(options), batch_(new llama_batch(llama_batch_init(kMostBatchRows, 0, 1))) {
        llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
        llama_model_params loading = llama_model_default_params();
        loading.n_gpu_layers = options.gpu_layers;
        model_.reset(llama_model_load_from_file(options.model.c_str(), loading));
        if (!model_) throw std::runtime_error(options.model + ": cannot be loaded");
        vocabulary_ = llama_vocab_n_tokens(llama_model_get_vocab(model_.get()));
        llama_context_params parameters = llama_context_default_params();
        parameters.n_ctx =
            static_cast<uint32_t>(options.prefix + options.width * (options.tokens + 8) + kMostBatchRows);
        parameters.n_batch = parameters.n_ubatch = kMostBatchRows;
        parameters.n_seq_max = static_cast<uint32_t>(options.width + 1);
        parameters.kv_unified = true;
        parameters.n_threads = parameters.n_threads_batch = urial::thread_count(0);
        context_.reset(llama_init_from_model(model_.get(), parameters));
        if (!context_) throw std::runtime_error("no context");
    }

    /// Tokens a second of all sequences.
    double generate() {
        llama_memory_t memory = llama_get_memory(context_.get());
        llama_memory_clear(memory, true);
        for (int i = 0; i < options_.prefix; ++i) {
            add(0, i, false);
            if (batch_->n_tokens == kMostBatchRows) decode();
        }
        decode();
        for (int s = 1; s <= options_.width; ++s) llama_memory_seq_cp(memory, 0, s, -1, -1);
        const auto steps = [&](int first, int count) {
            for (int i = first; i < first + count; ++i) {
                for (int s = 1; s <= options_.width; ++s) add(s, options_.prefix + i, true);
                decode();
            }
        };
        constexpr int kWarmup = 4;
        steps(0, kWarmup);
        const double seconds = seconds_of([&] { steps(kWarmup, options_.tokens); });
        return options_.width * options_.tokens / seconds;
    }

    /// Rows a second.
    double force() {
        llama_memory_t memory = llama_get_memory(context_.get());
        constexpr int kBatches = 20;
        double seconds = 0;
        for (int i = -2; i < kBatches; ++i) {
            llama_memory_clear(memory, true);
            for (int row = 0; row < options_.rows; ++row) add(0, row, true);
            const double taken = seconds_of([&] { decode(); });
            if (i >= 0) seconds += taken;
        }
        return options_.rows * kBatches / seconds;
    }

private:
    void add(int sequence, int position, bool wants_logits) {
        const int i = batch_->n_tokens++;
        batch_->token[i] = (position * 7919 + sequence * 104729) % vocabulary_;
        batch_->pos[i] = position;
        batch_->n_seq_id[i] = 1;
        batch_->seq_id[i][0] = sequence;
        batch_->logits[i] = static_cast<int8_t>(wants_logits);
    }
    void decode() {
        if (batch_->n_tokens == 0) return;
        if (llama_decode(context_.get(), *batch_) != 0) throw std::runtime_error("cannot decode");
        llama_synchronize(context_.get());
        batch_->n_tokens = 0;
    }

    Options options_;
    std::unique_ptr<llama_batch, FreeBatch> batch_;
    std::unique_ptr<llama_model, FreeModel> model_;
    std::unique_ptr<llama_context, FreeContext> context_;
    int vocabulary_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    setenv("NVIDIA_TF32_OVERRIDE", "0", /*overwrite=*/0);  // as urial does
    Options options;
    CLI::App app("The engine's bare decoding rate");
    app.add_option("model", options.model)->required();
    app.add_option("--width", options.width)->check(CLI::Range(1, 250))->capture_default_str();
    app.add_option("--tokens", options.tokens)->check(CLI::Range(1, 100000))->capture_default_str();
    app.add_option("--prefix", options.prefix)->check(CLI::Range(1, 100000))->capture_default_str();
    app.add_option("--gpu-layers", options.gpu_layers)->capture_default_str();
    app.add_option("--rows", options.rows)->check(CLI::Range(1, kMostBatchRows));
    CLI11_PARSE(app, argc, argv);
    try {
        Bare bare(options);
        const std::string forced = options.rows > 0 ? fmt::format(", \"rows_per_s\": {:.1f}", bare.force()) : "";
        fmt::print("{{\"width\": {}, \"tokens\": {}, \"tokens_per_s\": {:.1f}{}}}\n", options.width, options.tokens,
                   bare.generate(), forced);
        return 0;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "error: {}\n", failure.what());
        return 2;
    }
}

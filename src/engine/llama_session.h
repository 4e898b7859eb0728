#pragma once

// A context of llama.cpp behind the engine interface. Internal to this part; how it works: the essay in
// llama_session.cpp.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <llama.h>
#include <nlohmann/json.hpp>

#include "engine/best_of_rows.h"
#include "engine/engine.h"
#include "engine/llama_model.h"
#include "engine/prefix_snapshot.h"
#include "engine/token_store.h"

namespace urial::engine {

class LlamaSession final : public Session {
public:
    LlamaSession(std::shared_ptr<const LlamaModel> model, const SessionOptions& options);

    int sequence_count() const override { return static_cast<int>(store_->sequence_count()); }
    int context_tokens() const override { return static_cast<int>(llama_n_ctx(context_.get())); }
    int free_tokens() const override { return static_cast<int>(store_->free_cells()); }
    int pinned_tokens() const override { return static_cast<int>(store_->pinned_cells()); }
    int batch_rows() const override { return batch_rows_; }
    int logit_rows() const override { return logit_rows_; }
    int threads() const override { return threads_; }
    PrefixOrigin pin(std::span<const Token> tokens) override;
    void unpin(std::span<const Token> tokens) override;
    Shareable shareable(std::span<const Token> tokens, std::size_t most) const override;
    bool shares_running() const override { return store_->shares_running(); }
    std::size_t start(int sequence, std::span<const Token> tokens, std::size_t most) override;
    void end(int sequence, Afterwards afterwards) override;
    std::size_t length(int sequence) const override { return store_->length(sequence); }
    void decode(std::span<const Row> rows) override;
    std::span<const float> logits(std::size_t row) const override;
    bool gives_best() const override { return best_of_rows_.has_value(); }
    Best best(std::size_t row) const override;
    bool computes_elsewhere() const override { return model_->info().placement.whole(); }
    void wait() const override { llama_synchronize(context_.get()); }

private:
    struct ContextDeleter {
        void operator()(llama_context* context) const { llama_free(context); }
    };
    // The context's sequences: the session's own, their guards, the prefixes, their guards.
    llama_seq_id id_of(int sequence) const { return sequence; }
    llama_seq_id guard_of(int sequence) const { return sequence_count() + sequence; }
    llama_seq_id id_of_prefix(std::size_t place) const;
    llama_seq_id guard_of_prefix(std::size_t place) const { return id_of_prefix(place) + prefixes_; }
    void protect(int sequence, std::size_t most_unguarded);
    nlohmann::ordered_json circumstances(std::span<const Token> prefix) const;
    void check_memory(std::uint64_t cells, int outputs, bool flash_attention, bool greedy) const;
    void check_device_memory(const MemoryNeed& need, std::uint64_t cells) const;
    void offer_best(const SessionOptions& options, llama_context_params& parameters);
    bool restore(llama_seq_id id, const std::vector<std::uint8_t>& state);
    PrefixOrigin provide(llama_seq_id id, std::span<const Token> prefix);
    void clear(llama_seq_id id);
    void decode_prefix(llama_seq_id id, std::span<const Token> prefix);
    void set_row(std::size_t i, llama_seq_id sequence, std::size_t position, Token token, bool wants_logits);
    int32_t run_rows(std::size_t count);
    void use_threads(int left_out);
    void submit(std::span<const Row> rows);
    void prepare(ggml_tensor* node);
    bool is_to_stop();
    void place_logits(ggml_tensor* node) const;

    std::shared_ptr<const LlamaModel> model_;
    std::optional<BestOfRows> best_of_rows_;  // before the context, whose samplers are its
    std::unique_ptr<llama_context, ContextDeleter> context_;
    llama_memory_t memory_ = nullptr;
    std::optional<SnapshotStore> snapshots_;
    std::optional<TokenStore> store_;  // made with the context, which says how many cells there are
    int prefixes_ = 1;
    std::size_t window_ = 0;            // tokens; 0: sequences have no guards
    std::vector<std::size_t> guarded_;  // by sequence: so many of its tokens have a guard
    std::size_t vocabulary_size_ = 0;
    bool uses_adapters_ = false;
    bool own_operations_ = false;
    bool keeps_f32_ = false;    // Arithmetic::Float32
    bool any_threads_ = false;  // the logits of several rows do not depend on the number of threads
    int threads_ = 0;
    bool f32_cache_ = false;
    std::string flash_attention_;
    int batch_rows_ = 0;
    int logit_rows_ = 0;
    std::int64_t rows_with_logits_ = 0;   // of the batch that is being computed, or was computed last
    mutable std::vector<Best> best_;      // of that batch; empty until they are asked for
    std::size_t rows_since_release_ = 0;  // see run_rows()

    Watch watch_;
    struct Reading {
        std::size_t total = 0;  // tokens of the prefix
        std::size_t done = 0;   // of earlier batches
        std::size_t batch = 0;  // of the batch that is being computed; 0: no prefix is read
        std::size_t nodes = 0;  // of the batch's graph
        std::size_t computed_nodes = 0;
    } reading_;

    // The batch's columns, reused by every decode.
    std::vector<llama_token> token_column_;
    std::vector<llama_pos> position_column_;
    std::vector<int32_t> count_column_;
    std::vector<llama_seq_id> sequence_column_;
    std::vector<llama_seq_id*> sequence_pointers_;
    std::vector<int8_t> logits_column_;
};

}  // namespace urial::engine

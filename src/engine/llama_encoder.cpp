#include "engine/llama_encoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "engine/backend.h"
#include "engine/crowd.h"
#include "engine/llama_model.h"

namespace urial::engine {
namespace {

struct FreeLlamaContext {
    void operator()(llama_context* context) const { llama_free(context); }
};
using Context = std::unique_ptr<llama_context, FreeLlamaContext>;

class Batch {
public:
    explicit Batch(std::size_t tokens) : batch_(llama_batch_init(static_cast<std::int32_t>(tokens), 0, 1)) {}
    ~Batch() { llama_batch_free(batch_); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    void clear() { batch_.n_tokens = 0; }
    void add(Token token, std::size_t position, std::size_t sequence) {
        const std::int32_t i = batch_.n_tokens++;
        batch_.token[i] = token;
        batch_.pos[i] = static_cast<llama_pos>(position);
        batch_.n_seq_id[i] = 1;
        batch_.seq_id[i][0] = static_cast<llama_seq_id>(sequence);
        batch_.logits[i] = 1;
    }
    const llama_batch& get() const { return batch_; }

private:
    llama_batch batch_;
};

class LlamaEncoder final : public Encoder {
public:
    explicit LlamaEncoder(const EncoderOptions& options) : path_(options.path) {
        start_backend();
        llama_model_params parameters = llama_model_default_params();
        std::array<ggml_backend_dev_t, 1> no_devices{};
        parameters.devices = no_devices.data();
        parameters.progress_callback = [](float, void* watch) {
            const auto& cancelled = static_cast<const Watch*>(watch)->cancelled;
            return !cancelled || !cancelled();
        };
        parameters.progress_callback_user_data = const_cast<Watch*>(&options.watch);
        model_.reset(llama_model_load_from_file(path_.c_str(), parameters));
        if (!model_) {
            if (options.watch.cancelled && options.watch.cancelled()) throw Cancelled();
            fail("the engine cannot load this model: " + last_engine_error());
        }
        vocabulary_ = llama_model_get_vocab(model_.get());
        info_.name = metadata(model_.get(), "general.name");
        if (info_.name.empty()) info_.name = path_.stem().string();
        info_.architecture = metadata(model_.get(), "general.architecture");
        info_.content_hash = options.content_hash.empty() ? sha256_file(path_) : options.content_hash;
        info_.dimension = static_cast<std::size_t>(llama_model_n_embd_out(model_.get()));
        info_.most_tokens = static_cast<std::size_t>(std::max(8, llama_model_n_ctx_train(model_.get())));
        check_pooling();
    }

    const EncoderInfo& info() const override { return info_; }

    std::vector<Token> tokenize(std::string_view text) const override {
        std::vector<Token> whole = tokenize(text, true);
        if (whole.size() <= info_.most_tokens) return whole;
        // The special tokens before and behind the text stay.
        const std::vector<Token> bare = tokenize(text, false);
        const auto body = std::ranges::search(whole, bare).begin();
        if (bare.empty() || body == whole.end()) {
            whole.resize(info_.most_tokens);
            return whole;
        }
        const std::size_t cut = std::min(whole.size() - info_.most_tokens, bare.size());
        const auto end = body + static_cast<std::ptrdiff_t>(bare.size());
        whole.erase(end - static_cast<std::ptrdiff_t>(cut), end);
        return whole;
    }

private:
    class LlamaPass;
    std::unique_ptr<Pass> new_pass(std::size_t tokens, std::size_t texts, int threads) const override;

    [[noreturn]] void fail(const std::string& reason) const {
        throw error(ErrorKind::Model, "{}: {}", path_.string(), reason);
    }

    Context new_context(std::size_t tokens, std::size_t texts, int threads) const {
        llama_context_params parameters = llama_context_default_params();
        // llama.cpp plans for as many tokens of each text, and aborts where they are not.
        parameters.n_ctx = static_cast<std::uint32_t>((tokens + texts - 1) / texts * texts);
        parameters.n_batch = parameters.n_ctx;
        parameters.n_ubatch = parameters.n_ctx;  // an encoder sees a text as a whole
        parameters.n_seq_max = static_cast<std::uint32_t>(texts);
        parameters.n_threads = parameters.n_threads_batch = threads;
        parameters.embeddings = true;
        parameters.kv_unified = true;
        Context context(llama_init_from_model(model_.get(), parameters));
        if (!context) fail("the engine cannot make a context: " + last_engine_error());
        return context;
    }

    void check_pooling() const {
        switch (llama_pooling_type(new_context(64, 1, 1).get())) {
            case LLAMA_POOLING_TYPE_MEAN:
            case LLAMA_POOLING_TYPE_CLS:
            case LLAMA_POOLING_TYPE_LAST: return;
            case LLAMA_POOLING_TYPE_RANK: fail("a model that ranks texts, not an encoder that makes vectors of them");
            default:
                fail(
                    "not an encoder of texts: its metadata names no pooling; give an encoder, such as "
                    "all-mpnet-base-v2");
        }
    }

    std::vector<Token> tokenize(std::string_view text, bool special) const {
        std::vector<Token> tokens = tokens_of(vocabulary_, text, special, /*parse_special=*/false, path_.string());
        if (special && tokens.empty()) {  // nothing to pool
            const Token end = llama_vocab_eos(vocabulary_);
            tokens.push_back(end == LLAMA_TOKEN_NULL ? 0 : end);
        }
        return tokens;
    }

    std::filesystem::path path_;
    std::unique_ptr<llama_model, FreeLlamaModel> model_;
    const llama_vocab* vocabulary_ = nullptr;
    EncoderInfo info_;
};

class LlamaEncoder::LlamaPass final : public Pass {
public:
    LlamaPass(const LlamaEncoder& encoder, std::size_t tokens, std::size_t texts, int threads)
        : encoder_(encoder), threads_(threads), context_(encoder.new_context(tokens, texts, threads)), batch_(tokens) {}

    void compute(std::span<const std::vector<Token>* const> texts, std::span<float* const> outputs) override {
        batch_.clear();
        for (std::size_t i = 0; i < texts.size(); ++i) {
            for (std::size_t position = 0; position < texts[i]->size(); ++position)
                batch_.add((*texts[i])[position], position, i);
        }
        const int threads = std::max(1, threads_ - mind_the_crowd());
        llama_set_n_threads(context_.get(), threads, threads);
        const llama_memory_t memory = llama_get_memory(context_.get());
        if (memory != nullptr) llama_memory_clear(memory, /*data=*/false);
        const int failed =
            memory != nullptr ? llama_decode(context_.get(), batch_.get()) : llama_encode(context_.get(), batch_.get());
        if (failed != 0) encoder_.fail("the engine cannot compute a batch: " + last_engine_error());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const float* vector = llama_get_embeddings_seq(context_.get(), static_cast<llama_seq_id>(i));
            if (vector == nullptr) encoder_.fail("the engine gave no vector of a text");
            std::copy_n(vector, encoder_.info_.dimension, outputs[i]);
        }
    }

private:
    const LlamaEncoder& encoder_;
    int threads_;
    Context context_;
    Batch batch_;
};

std::unique_ptr<Encoder::Pass> LlamaEncoder::new_pass(std::size_t tokens, std::size_t texts, int threads) const {
    return std::make_unique<LlamaPass>(*this, tokens, texts, threads);
}

}  // namespace

std::shared_ptr<const Encoder> load_llama_encoder(const EncoderOptions& options) {
    return std::make_shared<LlamaEncoder>(options);
}

}  // namespace urial::engine

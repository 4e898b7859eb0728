// llama.cpp behind the engine interface.
//
// One context holds S sequences and, as sequence 0 of the context, the constant prefix. The key/value cache is unified,
// so that a sequence shares the prefix's cells by metadata alone (llama_memory_seq_cp), and full-size for
// sliding-window layers, so that the prefix's cells are never given away. A new prefix always goes through its snapshot
// (saved, cleared, restored): a cold start and a warm one then have the same cells in the same order, and give the same
// logits bit for bit.

#include <algorithm>
#include <charconv>
#include <numeric>
#include <set>

#include <llama.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/parallel.h"
#include "base/text.h"
#include "engine/backend.h"
#include "engine/crowd.h"
#include "engine/engine.h"
#include "engine/llama_grammar.h"
#include "engine/memory_need.h"
#include "engine/packed_weights.h"
#include "engine/prefix_snapshot.h"

namespace urial::engine {
namespace {

/// A prefix shorter than this is decoded in a moment; keeping it on disk would only fill the folder.
constexpr std::size_t kSmallestSnapshotTokens = 64;
constexpr int kContextRounding = 256;
constexpr int32_t kAborted = 2;  // llama_decode(): the abort callback said so

/// The context's sequence that holds the prefix; the session's own sequences follow it.
constexpr llama_seq_id kPrefixSequence = 0;
constexpr llama_seq_id engine_sequence(int sequence) { return sequence + 1; }

// ---- the engine's log -----------------------------------------------------------------------------------------------

struct LogState {
    Mutex mutex;  // the engine logs from any thread
    std::function<void(LogLevel, std::string_view)> sink GUARDED_BY(mutex);
    std::string last_error GUARDED_BY(mutex);
};

LogState& log_state() {
    static LogState state;
    return state;
}

void on_engine_log(ggml_log_level level, const char* text, void*) {
    LogState& state = log_state();
    const MutexLock lock(state.mutex);
    // The reason comes first; this line only closes the matter.
    const bool is_summary = std::string_view(text).find("failed to load model") != std::string_view::npos;
    if (level == GGML_LOG_LEVEL_ERROR && !(is_summary && !state.last_error.empty())) state.last_error = text;
    if (!state.sink) return;
    switch (level) {
        case GGML_LOG_LEVEL_ERROR: state.sink(LogLevel::Error, text); break;
        case GGML_LOG_LEVEL_WARN: state.sink(LogLevel::Warning, text); break;
        case GGML_LOG_LEVEL_INFO: state.sink(LogLevel::Info, text); break;
        default: state.sink(LogLevel::Debug, text); break;
    }
}

/// Instead of the engine's own report, which starts a debugger where one is installed.
void on_engine_abort(const char* message) {
    std::string_view text = message;  // "/folder/of/the/build/ggml.c:123: GGML_ASSERT(...) failed"
    const std::size_t place_end = text.find(": ");
    const std::size_t folder_end = text.substr(0, place_end).rfind('/');
    if (folder_end != std::string_view::npos) text.remove_prefix(folder_end + 1);
    LogState& state = log_state();
    const MutexLock lock(state.mutex);
    if (state.sink) state.sink(LogLevel::Fatal, text);
}

}  // namespace

std::string last_engine_error() {
    LogState& state = log_state();
    const MutexLock lock(state.mutex);
    std::string text = std::exchange(state.last_error, {});
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.empty() ? "the engine gave no reason" : text;
}

void start_backend() {
    static const bool started = [] {
        llama_log_set(on_engine_log, nullptr);
        ggml_set_abort_callback(on_engine_abort);
        llama_backend_init();
        return true;
    }();
    (void)started;
}

namespace {

// ---- session --------------------------------------------------------------------------------------------------------

struct ContextDeleter {
    void operator()(llama_context* context) const { llama_free(context); }
};
struct ModelDeleter {
    void operator()(llama_model* model) const { llama_model_free(model); }
};

class LlamaModel;

class LlamaSession final : public Session {
public:
    LlamaSession(std::shared_ptr<const LlamaModel> model, const SessionOptions& options);

    int sequence_count() const override { return static_cast<int>(sequences_.size()); }
    int context_tokens() const override { return static_cast<int>(llama_n_ctx(context_.get())); }
    int free_tokens() const override;
    int batch_rows() const override { return batch_rows_; }
    int logit_rows() const override { return logit_rows_; }
    PrefixOrigin set_prefix(std::span<const Token> tokens) override;
    std::size_t prefix_length() const override { return prefix_.size(); }
    std::size_t shareable(std::size_t wanted) const override;
    std::size_t reset(int sequence, std::size_t shared) override;
    std::size_t length(int sequence) const override { return at(sequence).length; }
    void decode(std::span<const Row> rows) override;
    std::span<const float> logits(std::size_t row) const override;

private:
    struct Sequence {
        std::size_t length = 0;
        std::size_t shared = 0;  // leading tokens in the prefix's cells
    };
    const Sequence& at(int sequence) const;
    nlohmann::ordered_json circumstances() const;
    void check_memory(const SessionOptions& options, std::uint64_t cells) const;
    bool restore(const std::vector<std::uint8_t>& state);
    PrefixOrigin provide_prefix();
    void forget_prefix();
    void decode_prefix();
    void set_row(std::size_t i, llama_seq_id sequence, std::size_t position, Token token, bool wants_logits);
    int32_t run_rows(std::size_t count);
    void use_threads(int left_out);
    void submit(std::span<const Row> rows);
    void prepare(ggml_tensor* node);
    bool is_to_stop();
    void place_logits(ggml_tensor* node) const;

    std::shared_ptr<const LlamaModel> model_;
    std::unique_ptr<llama_context, ContextDeleter> context_;
    llama_memory_t memory_ = nullptr;
    std::optional<SnapshotStore> snapshots_;
    std::vector<Token> prefix_;
    std::vector<Sequence> sequences_;
    std::size_t vocabulary_size_ = 0;
    bool shares_in_part_ = true;
    bool uses_adapters_ = false;
    bool own_operations_ = false;
    bool any_threads_ = false;  // the logits do not depend on the number of threads
    int threads_ = 0;
    bool f32_cache_ = false;
    std::string flash_attention_;
    int batch_rows_ = 0;
    int logit_rows_ = 0;
    std::int64_t rows_with_logits_ = 0;  // of the batch that is being computed

    Watch watch_;
    struct Reading {
        std::size_t done = 0;   // prefix tokens of earlier batches
        std::size_t batch = 0;  // prefix tokens of the batch that is being computed; 0: no prefix is read
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

// ---- model ----------------------------------------------------------------------------------------------------------

class LlamaModel final : public Model, public std::enable_shared_from_this<LlamaModel> {
public:
    explicit LlamaModel(const ModelOptions& options);

    const ModelInfo& info() const override { return info_; }
    std::vector<Token> tokenize(std::string_view text, TokenizeOptions options) const override;
    std::string piece(Token token, bool special) const override;
    bool ends_generation(Token token) const override { return llama_vocab_is_eog(vocabulary_, token); }
    std::unique_ptr<Session> new_session(const SessionOptions& options) const override;
    std::unique_ptr<TokenConstraint> new_grammar(const std::string& gbnf) const override {
        return make_llama_grammar(shared_from_this(), vocabulary_, gbnf);
    }

    llama_model* handle() const { return model_.get(); }
    /// In the order of info().adapters.
    const std::vector<llama_adapter_lora*>& adapters() const { return adapters_; }
    /// sample_hash() of the file from which the weights came.
    const std::string& weight_sample() const { return weight_sample_; }
    /// Bytes that the session's options do not decide are filled in; nullopt where a GPU may hold them.
    std::optional<MemoryShape> memory_shape() const;

private:
    void load_adapter(const Adapter& adapter);

    std::unique_ptr<llama_model, ModelDeleter> model_;
    const llama_vocab* vocabulary_ = nullptr;
    std::vector<llama_adapter_lora*> adapters_;  // owned by model_
    std::string weight_sample_;
    ModelInfo info_;
};

std::string metadata(const llama_model* model, const char* key) {
    std::vector<char> buffer(256);
    const int32_t length = llama_model_meta_val_str(model, key, buffer.data(), buffer.size());
    if (length < 0) return "";
    if (static_cast<std::size_t>(length) >= buffer.size()) {
        buffer.resize(static_cast<std::size_t>(length) + 1);
        llama_model_meta_val_str(model, key, buffer.data(), buffer.size());
    }
    return buffer.data();
}

/// Between the engine's loader and Watch.
struct LoadWatch {
    const Watch& watch;
    std::uint64_t bytes;
    bool stopped = false;

    bool go_on(float share) {
        if (watch.progress) watch.progress(static_cast<std::uint64_t>(share * static_cast<float>(bytes)), bytes);
        stopped = watch.cancelled && watch.cancelled();
        return !stopped;
    }
};

LlamaModel::LlamaModel(const ModelOptions& options) {
    start_backend();
    llama_model_params parameters = llama_model_default_params();
    parameters.n_gpu_layers = options.gpu_layers;
    info_.arithmetic = has_packed_arithmetic() ? options.arithmetic : Arithmetic::Engine;
    info_.file_bytes = std::filesystem::file_size(options.path);
    LoadWatch watch{options.watch, info_.file_bytes};
    parameters.progress_callback = [](float share, void* loading) {
        return static_cast<LoadWatch*>(loading)->go_on(share);
    };
    parameters.progress_callback_user_data = &watch;
    const PackedLoading loading(info_.arithmetic);
    model_.reset(llama_model_load_from_file(options.path.c_str(), parameters));
    if (!model_ && watch.stopped) throw Cancelled();
    if (!model_) {
        throw error(ErrorKind::Model, "{}: the engine cannot load this model: {}", options.path.string(),
                    last_engine_error());
    }
    if (info_.arithmetic != Arithmetic::Engine) {
        release_mapped_file(options.path);
        info_.quantised_matrices = loading.matrices().quantised;
        info_.packed_matrices = loading.matrices().packed;
    }
    if (!llama_model_has_decoder(model_.get())) {
        throw error(ErrorKind::Model, "{}: an encoder, not a language model that continues text",
                    options.path.string());
    }
    vocabulary_ = llama_model_get_vocab(model_.get());

    std::vector<char> description(256);
    llama_model_desc(model_.get(), description.data(), description.size());
    info_.description = description.data();
    info_.name = metadata(model_.get(), "general.name");
    if (info_.name.empty()) info_.name = options.path.stem().string();
    info_.content_hash = options.content_hash.empty() ? sha256_file(options.path) : options.content_hash;
    info_.vocabulary_size = static_cast<std::size_t>(llama_vocab_n_tokens(vocabulary_));
    info_.training_context = llama_model_n_ctx_train(model_.get());
    info_.parameter_count = llama_model_n_params(model_.get());
    weight_sample_ = sample_hash(options.path);
    info_.adds_bos = llama_vocab_get_add_bos(vocabulary_);
    if (const Token bos = llama_vocab_bos(vocabulary_); bos != LLAMA_TOKEN_NULL) info_.bos = bos;
    if (const Token eos = llama_vocab_eos(vocabulary_); eos != LLAMA_TOKEN_NULL) info_.eos = eos;
    if (const char* text = llama_model_chat_template(model_.get(), nullptr)) info_.chat_template = text;

    for (const Adapter& adapter : options.adapters) load_adapter(adapter);
}

void LlamaModel::load_adapter(const Adapter& adapter) {
    if (!std::filesystem::exists(adapter.path)) {
        throw error(ErrorKind::NotFound, "{}: no such adapter file", adapter.path.string());
    }
    llama_adapter_lora* loaded = llama_adapter_lora_init(model_.get(), adapter.path.c_str());
    if (loaded == nullptr) {
        throw error(ErrorKind::Model, "{}: not an adapter of the model {}: {}", adapter.path.string(), info_.name,
                    last_engine_error());
    }
    adapters_.push_back(loaded);
    info_.adapters.push_back({adapter.path.filename().string(), sha256_file(adapter.path), adapter.scale});
}

/// The sum of a number that a model gives for all layers at once or as "[1, 2, ...]", one for each.
std::uint64_t over_layers(std::string_view text, std::uint64_t layers) {
    std::uint64_t sum = 0;
    std::uint64_t count = 0;
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
        std::uint64_t value = 0;
        const auto [next, failure] = std::from_chars(at, end, value);
        at = failure == std::errc() ? next : at + 1;
        if (failure != std::errc()) continue;
        sum += value;
        ++count;
    }
    return count == 1 ? sum * layers : sum;
}

std::optional<MemoryShape> LlamaModel::memory_shape() const {
    if (llama_supports_gpu_offload()) return std::nullopt;
    const llama_model* model = model_.get();
    const std::string architecture = metadata(model, "general.architecture");
    const auto of_layers = [&](const char* key, std::uint64_t layers) {
        return over_layers(metadata(model, (architecture + key).c_str()), layers);
    };
    MemoryShape shape;
    shape.weight_bytes = info_.file_bytes;
    shape.weights_are_mapped = info_.arithmetic == Arithmetic::Engine;
    shape.vocabulary = info_.vocabulary_size;
    shape.embedding = static_cast<std::uint64_t>(llama_model_n_embd(model));
    shape.feed_forward = of_layers(".feed_forward_length", 1);
    shape.heads = static_cast<std::uint64_t>(llama_model_n_head(model));
    if (llama_model_is_recurrent(model)) return shape;  // its state does not grow with the context
    const auto layers = static_cast<std::uint64_t>(llama_model_n_layer(model));
    const std::uint64_t usual = shape.heads > 0 ? shape.embedding / shape.heads : 0;
    const auto length = [&](const char* key) {
        const std::uint64_t given = of_layers(key, 1);
        return given > 0 ? given : usual;
    };
    std::uint64_t groups = of_layers(".attention.head_count_kv", layers);
    if (groups == 0) groups = layers * static_cast<std::uint64_t>(llama_model_n_head_kv(model));
    shape.cell_numbers = groups * (length(".attention.key_length") + length(".attention.value_length"));
    return shape;
}

std::vector<Token> LlamaModel::tokenize(std::string_view text, TokenizeOptions options) const {
    std::vector<Token> tokens(text.size() + 8);
    const auto run = [&] {
        return llama_tokenize(vocabulary_, text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                              static_cast<int32_t>(tokens.size()), /*add_special=*/false, options.parse_special);
    };
    try {
        int32_t count = run();
        if (count < 0) {
            tokens.resize(static_cast<std::size_t>(-count));
            count = run();
        }
        tokens.resize(static_cast<std::size_t>(std::max(count, 0)));
    } catch (const std::out_of_range&) {
        throw error(ErrorKind::Model, "{}: its vocabulary lacks the tokens to write this text, bytes among them",
                    info_.name);
    }
    if (options.add_bos && info_.adds_bos && info_.bos) {
        if (!tokens.empty() && tokens.front() == *info_.bos) {
            throw error(ErrorKind::BadInput,
                        "the text begins with {} and the model {} adds one by itself; remove it from the text",
                        piece(*info_.bos, true), info_.name);
        }
        tokens.insert(tokens.begin(), *info_.bos);
    }
    return tokens;
}

std::string LlamaModel::piece(Token token, bool special) const {
    if (token < 0 || static_cast<std::size_t>(token) >= info_.vocabulary_size) {
        throw error(ErrorKind::BadInput, "token id {} is outside the vocabulary of {} tokens", token,
                    info_.vocabulary_size);
    }
    std::string bytes(32, '\0');
    const auto run = [&] {
        return llama_token_to_piece(vocabulary_, token, bytes.data(), static_cast<int32_t>(bytes.size()), 0, special);
    };
    int32_t length = run();
    if (length < 0) {
        bytes.resize(static_cast<std::size_t>(-length));
        length = run();
    }
    bytes.resize(static_cast<std::size_t>(length));
    return bytes;
}

std::unique_ptr<Session> LlamaModel::new_session(const SessionOptions& options) const {
    return std::make_unique<LlamaSession>(shared_from_this(), options);
}

// ---- session, continued ---------------------------------------------------------------------------------------------

llama_flash_attn_type flash_attention_type(SessionOptions::FlashAttention choice) {
    switch (choice) {
        case SessionOptions::FlashAttention::On: return LLAMA_FLASH_ATTN_TYPE_ENABLED;
        case SessionOptions::FlashAttention::Off: return LLAMA_FLASH_ATTN_TYPE_DISABLED;
        case SessionOptions::FlashAttention::Auto: break;
    }
    return LLAMA_FLASH_ATTN_TYPE_AUTO;
}

LlamaSession::LlamaSession(std::shared_ptr<const LlamaModel> model, const SessionOptions& options)
    : model_(std::move(model)) {
    const int most = static_cast<int>(llama_max_parallel_sequences()) - 1;
    if (options.sequences < 1 || options.sequences > most) {
        throw error(ErrorKind::BadInput, "{} parallel sequences: the engine takes 1 to {}", options.sequences, most);
    }
    if (options.context_tokens < 1 || options.batch_rows < 1) {
        throw error(ErrorKind::BadInput, "a context of {} tokens with batches of {} rows: both must be at least 1",
                    options.context_tokens, options.batch_rows);
    }
    watch_ = options.watch;
    batch_rows_ = options.batch_rows;
    logit_rows_ = std::min(options.logit_rows > 0 ? options.logit_rows : options.sequences, batch_rows_);

    llama_context_params parameters = llama_context_default_params();
    const std::int64_t rounded =
        (std::int64_t{options.context_tokens} + kContextRounding - 1) / kContextRounding * kContextRounding;
    check_memory(options, static_cast<std::uint64_t>(rounded));
    parameters.n_ctx = static_cast<uint32_t>(rounded);
    parameters.n_batch = static_cast<uint32_t>(batch_rows_);
    parameters.n_ubatch = static_cast<uint32_t>(batch_rows_);
    parameters.n_seq_max = static_cast<uint32_t>(options.sequences + 1);
    parameters.n_outputs_max =
        static_cast<uint32_t>(std::min(batch_rows_, std::max(logit_rows_, options.sequences + 1)));
    parameters.n_outputs_max_per_seq = parameters.n_outputs_max;
    parameters.n_threads = parameters.n_threads_batch = threads_ = thread_count(options.threads);
    parameters.flash_attn_type = flash_attention_type(options.flash_attention);
    if (options.f32_cache) parameters.type_k = parameters.type_v = GGML_TYPE_F32;
    parameters.swa_full = true;
    parameters.kv_unified = true;
    own_operations_ = model_->info().arithmetic != Arithmetic::Engine;
    parameters.cb_eval = [](ggml_tensor* node, bool asked, void* session) {
        if (asked) static_cast<LlamaSession*>(session)->prepare(node);
        return !asked;
    };
    parameters.cb_eval_user_data = this;
    parameters.abort_callback = [](void* session) { return static_cast<LlamaSession*>(session)->is_to_stop(); };
    parameters.abort_callback_data = this;
    context_.reset(llama_init_from_model(model_->handle(), parameters));
    if (!context_) {
        throw error(ErrorKind::Model, "{}: no context of {} tokens for {} sequences: {}", model_->info().name, rounded,
                    options.sequences, last_engine_error());
    }
    memory_ = llama_get_memory(context_.get());
    vocabulary_size_ = model_->info().vocabulary_size;
    sequences_.resize(static_cast<std::size_t>(options.sequences));
    shares_in_part_ = !llama_model_is_recurrent(model_->handle()) && !llama_model_is_hybrid(model_->handle()) &&
                      llama_model_n_swa(model_->handle()) == 0;
    f32_cache_ = options.f32_cache;
    flash_attention_ = llama_flash_attn_type_name(parameters.flash_attn_type);
    if (options.snapshot_dir) snapshots_.emplace(*options.snapshot_dir, options.snapshot_bytes);

    if (options.use_adapters && !model_->adapters().empty()) {
        std::vector<llama_adapter_lora*> adapters = model_->adapters();
        std::vector<float> scales;
        for (const AdapterInfo& adapter : model_->info().adapters) scales.push_back(adapter.scale);
        if (llama_set_adapters_lora(context_.get(), adapters.data(), adapters.size(), scales.data()) != 0) {
            throw error(ErrorKind::Model, "the adapters cannot be applied to {}: {}", model_->info().name,
                        last_engine_error());
        }
        uses_adapters_ = true;
    }
    const ModelInfo& info = model_->info();
    any_threads_ = own_operations_ && !uses_adapters_ && info.packed_matrices > 0 &&
                   info.packed_matrices == info.quantised_matrices;

    const auto rows = static_cast<std::size_t>(batch_rows_);
    token_column_.resize(rows);
    position_column_.resize(rows);
    count_column_.assign(rows, 1);
    sequence_column_.resize(rows);
    sequence_pointers_.resize(rows);
    for (std::size_t i = 0; i < rows; ++i) sequence_pointers_[i] = &sequence_column_[i];
    logits_column_.resize(rows);
}

/// Says what the session will take, and refuses it where the machine has less. Weights that are mapped take what is
/// left: they need not be in memory all at once.
void LlamaSession::check_memory(const SessionOptions& options, std::uint64_t cells) const {
    std::optional<MemoryShape> shape = model_->memory_shape();
    if (!shape) return;
    shape->cells = cells;
    shape->number_bytes = options.f32_cache ? 4 : 2;
    shape->rows = static_cast<std::uint64_t>(batch_rows_);
    shape->logit_rows = static_cast<std::uint64_t>(std::min(batch_rows_, std::max(logit_rows_, options.sequences + 1)));
    shape->flash_attention = options.flash_attention != SessionOptions::FlashAttention::Off;
    const MemoryNeed need = estimate_memory(*shape);
    const std::optional<std::uint64_t> available = available_memory();
    const std::string left = available ? human_bytes(static_cast<double>(*available)) : "an unknown amount";
    if (watch_.detail) {
        watch_.detail(
            fmt::format("memory: about {} for {}, {} available", describe(need, cells), model_->info().name, left));
    }
    if (!available) return;
    if (need.cache + need.buffers > *available) {
        throw error(ErrorKind::BadInput,
                    "{} with a context of {} tokens would take about {}, and this machine has {} left\n"
                    "use a smaller --context, fewer answers at a time (--parallel) or a smaller model",
                    model_->info().name, cells, describe(need, cells), left);
    }
    if (shape->weights_are_mapped && need.total() > *available && watch_.warning) {
        watch_.warning(
            fmt::format("{} would take about {}, and this machine has {} left: its weights will be read from "
                        "the disk again and again",
                        model_->info().name, describe(need, cells), left));
    }
}

const LlamaSession::Sequence& LlamaSession::at(int sequence) const {
    if (sequence < 0 || static_cast<std::size_t>(sequence) >= sequences_.size()) {
        throw error(ErrorKind::BadInput, "sequence {} of {}", sequence, sequences_.size());
    }
    return sequences_[static_cast<std::size_t>(sequence)];
}

int LlamaSession::free_tokens() const {
    std::size_t used = prefix_.size();
    for (const Sequence& sequence : sequences_) used += sequence.length - sequence.shared;
    return context_tokens() - static_cast<int>(used);
}

nlohmann::ordered_json LlamaSession::circumstances() const {
    nlohmann::ordered_json adapters = nlohmann::ordered_json::array();
    if (uses_adapters_) {
        for (const AdapterInfo& adapter : model_->info().adapters) {
            adapters.push_back({{"sha256", adapter.content_hash}, {"scale", adapter.scale}});
        }
    }
    std::string_view token_bytes(reinterpret_cast<const char*>(prefix_.data()), prefix_.size() * sizeof(Token));
    const EngineBuild build = engine_build();
    return {{"format", 1},
            {"model_sha256", model_->info().content_hash},
            {"model_sample_sha256", model_->weight_sample()},
            {"adapters", adapters},
            {"prefix_tokens", prefix_.size()},
            {"prefix_sha256", sha256_hex(token_bytes)},
            {"cache_types", f32_cache_ ? "f32,f32" : "f16,f16"},
            {"flash_attention", flash_attention_},
            {"arithmetic", name(model_->info().arithmetic)},
            {"arithmetic_version", kArithmeticVersion},
            {"batch_rows", batch_rows_},
            {"engine", build.version + " " + build.commit},
            {"cpu", build.cpu_features}};
}

bool LlamaSession::restore(const std::vector<std::uint8_t>& state) {
    llama_memory_clear(memory_, /*data=*/false);
    if (llama_state_seq_set_data(context_.get(), state.data(), state.size(), kPrefixSequence) == state.size())
        return true;
    llama_memory_clear(memory_, false);
    return false;
}

PrefixOrigin LlamaSession::set_prefix(std::span<const Token> tokens) {
    forget_prefix();
    if (static_cast<int>(tokens.size()) >= context_tokens()) {
        throw error(
            ErrorKind::ContextFull,
            "the prompt's constant part has {} tokens and the context {}: use a larger context or a shorter prompt",
            tokens.size(), context_tokens());
    }
    prefix_.assign(tokens.begin(), tokens.end());
    if (prefix_.empty()) return PrefixOrigin::Empty;
    try {
        return provide_prefix();
    } catch (...) {
        forget_prefix();
        throw;
    }
}

void LlamaSession::forget_prefix() {
    prefix_.clear();
    std::fill(sequences_.begin(), sequences_.end(), Sequence{});
    llama_memory_clear(memory_, false);
}

PrefixOrigin LlamaSession::provide_prefix() {
    const bool keeps = snapshots_ && prefix_.size() >= kSmallestSnapshotTokens;
    const nlohmann::ordered_json key = keeps ? circumstances() : nlohmann::ordered_json();
    if (keeps) {
        if (const auto state = snapshots_->read(key); state && restore(*state)) return PrefixOrigin::Restored;
    }
    decode_prefix();
    std::vector<std::uint8_t> state(llama_state_seq_get_size(context_.get(), kPrefixSequence));
    state.resize(llama_state_seq_get_data(context_.get(), state.data(), state.size(), kPrefixSequence));
    if (!restore(state))
        throw error(ErrorKind::Model, "the prefix's state cannot be restored: {}", last_engine_error());
    if (keeps) snapshots_->write(key, state);
    return PrefixOrigin::Computed;
}

void LlamaSession::decode_prefix() {
    for (std::size_t begin = 0; begin < prefix_.size(); begin += static_cast<std::size_t>(batch_rows_)) {
        const std::size_t count = std::min(prefix_.size() - begin, static_cast<std::size_t>(batch_rows_));
        for (std::size_t i = 0; i < count; ++i) set_row(i, kPrefixSequence, begin + i, prefix_[begin + i], false);
        reading_ = {begin, count};
        const int32_t status = run_rows(count);
        reading_ = {};
        if (status == kAborted) throw Cancelled();
        if (status != 0) {
            throw error(ErrorKind::Model, "the constant prefix cannot be decoded: {}", last_engine_error());
        }
        if (watch_.progress) watch_.progress(begin + count, prefix_.size());
    }
}

void LlamaSession::set_row(std::size_t i, llama_seq_id sequence, std::size_t position, Token token, bool wants_logits) {
    token_column_[i] = token;
    position_column_[i] = static_cast<llama_pos>(position);
    sequence_column_[i] = sequence;
    logits_column_[i] = wants_logits ? 1 : 0;
}

int32_t LlamaSession::run_rows(std::size_t count) {
    const auto column = std::span(logits_column_).first(count);
    rows_with_logits_ = std::count(column.begin(), column.end(), 1);
    llama_batch batch{};
    batch.n_tokens = static_cast<int32_t>(count);
    batch.token = token_column_.data();
    batch.pos = position_column_.data();
    batch.n_seq_id = count_column_.data();
    batch.seq_id = sequence_pointers_.data();
    batch.logits = logits_column_.data();
    use_threads(mind_the_crowd());
    return llama_decode(context_.get(), batch);
}

void LlamaSession::use_threads(int left_out) {
    if (!any_threads_) return;
    const int threads = std::max(1, threads_ - left_out);
    if (threads != llama_n_threads(context_.get())) llama_set_n_threads(context_.get(), threads, threads);
}

std::size_t LlamaSession::shareable(std::size_t wanted) const {
    if (wanted >= prefix_.size()) return prefix_.size();
    return shares_in_part_ ? wanted : 0;
}

std::size_t LlamaSession::reset(int sequence, std::size_t shared) {
    (void)at(sequence);
    shared = shareable(shared);
    const llama_seq_id id = engine_sequence(sequence);
    llama_memory_seq_rm(memory_, id, -1, -1);
    if (shared > 0) llama_memory_seq_cp(memory_, kPrefixSequence, id, 0, static_cast<llama_pos>(shared));
    sequences_[static_cast<std::size_t>(sequence)] = {shared, shared};
    return shared;
}

void LlamaSession::decode(std::span<const Row> rows) {
    if (rows.empty()) return;
    if (static_cast<int>(rows.size()) > batch_rows_) {
        throw error(ErrorKind::BadInput, "a batch of {} rows: this session takes {}", rows.size(), batch_rows_);
    }
    if (static_cast<int>(rows.size()) > free_tokens()) {
        throw error(ErrorKind::ContextFull, "{} tokens more than the context of {} can take: {} are free", rows.size(),
                    context_tokens(), std::max(0, free_tokens()));
    }
    const auto wanted = std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.wants_logits; });
    if (wanted > logit_rows_) {
        throw error(ErrorKind::BadInput, "{} rows want logits: this session gives {}", wanted, logit_rows_);
    }
    for (const Row& row : rows) {
        (void)at(row.sequence);
        if (row.token < 0 || static_cast<std::size_t>(row.token) >= vocabulary_size_) {
            throw error(ErrorKind::BadInput, "token id {} is outside the vocabulary of {} tokens", row.token,
                        vocabulary_size_);
        }
    }
    submit(rows);
}

void LlamaSession::submit(std::span<const Row> rows) {
    std::vector<std::size_t> lengths(sequences_.size());
    for (std::size_t s = 0; s < sequences_.size(); ++s) lengths[s] = sequences_[s].length;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Row& row = rows[i];
        const std::size_t position = lengths[static_cast<std::size_t>(row.sequence)]++;
        set_row(i, engine_sequence(row.sequence), position, row.token, row.wants_logits);
    }
    const int32_t status = run_rows(rows.size());
    if (status == kAborted) {
        for (const Row& row : rows) reset(row.sequence, 0);
        throw Cancelled();
    }
    if (status == 1) throw error(ErrorKind::ContextFull, "the engine found no room for {} tokens", rows.size());
    if (status != 0) throw error(ErrorKind::Model, "decoding failed ({}): {}", status, last_engine_error());
    for (std::size_t s = 0; s < sequences_.size(); ++s) sequences_[s].length = lengths[s];
}

/// Views and their like have nothing to compute.
bool is_computed(const ggml_tensor& node) {
    switch (node.op) {
        case GGML_OP_NONE:
        case GGML_OP_RESHAPE:
        case GGML_OP_VIEW:
        case GGML_OP_PERMUTE:
        case GGML_OP_TRANSPOSE: return false;
        default: return true;
    }
}

/// The engine asks of every node, before it computes the graph, whether we want to see the node's result.
void LlamaSession::prepare(ggml_tensor* node) {
    if (is_computed(*node)) ++reading_.nodes;
    if (own_operations_) take_over(node);
    if (std::string_view(node->name) == "result_output") place_logits(node);
}

/// The engine asks before each node that it computes.
bool LlamaSession::is_to_stop() {
    if (reading_.batch > 0 && watch_.progress) {
        ++reading_.computed_nodes;
        const std::size_t share = reading_.batch * std::min(reading_.computed_nodes, reading_.nodes);
        watch_.progress(reading_.done + share / std::max<std::size_t>(reading_.nodes, 1), prefix_.size());
    }
    return watch_.cancelled && watch_.cancelled();
}

/// The last product writes to where the engine would copy it afterwards (which then finds both places to be the same,
/// and has nothing to do). A row of 262,144 logits is 1 MiB.
void LlamaSession::place_logits(ggml_tensor* node) const {
    if (node->ne[1] != rows_with_logits_) return;  // of a part of the batch; the others would not follow it
    if (node->view_src != nullptr || node->buffer == nullptr || !ggml_backend_buffer_is_host(node->buffer)) return;
    if (float* logits = llama_get_logits(context_.get())) node->data = logits;
}

std::span<const float> LlamaSession::logits(std::size_t row) const {
    const float* values = llama_get_logits_ith(context_.get(), static_cast<int32_t>(row));
    if (values == nullptr) throw error(ErrorKind::BadInput, "row {} of the last batch has no logits", row);
    return {values, vocabulary_size_};
}

/// "AVX AVX2 FMA ..." from the engine's "CPU : AVX = 1 | AVX2 = 1 | OPENMP = 1 | ".
std::string cpu_features() {
    std::string features;
    std::string_view text = llama_print_system_info();
    text.remove_prefix(std::min(text.size(), text.find(':') + 1));
    for (const std::string_view entry : split(text, '|')) {
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos || trim(entry.substr(equals + 1)) != "1") continue;
        if (!features.empty()) features += ' ';
        features += trim(entry.substr(0, equals));
    }
    return features;
}

}  // namespace

std::shared_ptr<const Model> load_model(const ModelOptions& options) { return std::make_shared<LlamaModel>(options); }

std::string_view name(Arithmetic arithmetic) {
    switch (arithmetic) {
        case Arithmetic::Engine: return "engine";
        case Arithmetic::Packed: return "packed";
        case Arithmetic::PackedPrecise: return "precise";
    }
    return "";
}

bool has_packed_arithmetic() {
    start_backend();
    return packed_weights_available();
}

EngineBuild engine_build() { return {llama_version(), URIAL_ENGINE_ORIGIN, cpu_features()}; }

void set_engine_log(std::function<void(LogLevel, std::string_view)> sink) {
    LogState& state = log_state();
    {
        const MutexLock lock(state.mutex);
        state.sink = std::move(sink);
    }
    llama_log_set(on_engine_log, nullptr);
}

}  // namespace urial::engine

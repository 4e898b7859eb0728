// One context holds the sequences and the prefixes. The key/value cache is unified, so that a sequence shares the cells
// of a prefix by metadata alone (llama_memory_seq_cp). A new prefix always goes through its snapshot (saved, cleared,
// restored): a cold start and a warm one then have the same cells in the same order, and give the same logits bit for
// bit.
//
// Layers with a sliding window get a full-size cache. Even so the engine gives a cell away that only one of its
// sequences holds, once that sequence's window has left it behind. Where sequences are to be kept or shared while they
// run, with every token that another one might begin with, each has a guard: a second sequence of the engine that holds
// the same cells.

#include "engine/llama_session.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "engine/backend.h"
#include "engine/crowd.h"
#include "engine/device_products.h"
#include "engine/mapped_file.h"
#include "engine/own_operations.h"

namespace urial::engine {
namespace {

/// A prefix shorter than this is decoded in a moment; keeping it on disk would only fill the folder.
constexpr std::size_t kSmallestSnapshotTokens = 64;
constexpr int kContextRounding = 256;
constexpr int32_t kAborted = 2;  // llama_decode(): the abort callback said so

/// llama.cpp's flash attention rounds keys and values to f16, whatever the cache holds; ours does not.
struct AttentionChoice {
    llama_flash_attn_type flash_attention;
    bool f32_cache;
};

AttentionChoice attention_for(const SessionOptions& options, Arithmetic arithmetic) {
    using Choice = SessionOptions::FlashAttention;
    const bool is_precise = options.purpose == Purpose::Precise;
    const bool is_own = traits(arithmetic).is_own;
    switch (options.flash_attention) {
        case Choice::On: return {LLAMA_FLASH_ATTN_TYPE_ENABLED, is_precise && is_own};
        case Choice::Off: return {LLAMA_FLASH_ATTN_TYPE_DISABLED, is_precise};
        case Choice::Auto: break;
    }
    const bool rounds = is_precise && !is_own;
    return {rounds ? LLAMA_FLASH_ATTN_TYPE_DISABLED : LLAMA_FLASH_ATTN_TYPE_AUTO, is_precise};
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

}  // namespace

LlamaSession::LlamaSession(std::shared_ptr<const LlamaModel> model, const SessionOptions& options)
    : model_(std::move(model)) {
    const bool has_window = llama_model_n_swa(model_->handle()) > 0;
    const bool is_recurrent = llama_model_is_recurrent(model_->handle()) || llama_model_is_hybrid(model_->handle());
    prefixes_ = std::max(options.prefixes, 1);
    if (has_window && prefixes_ > 1) window_ = static_cast<std::size_t>(llama_model_n_swa(model_->handle()));
    const int ids_each = window_ > 0 ? 2 : 1;
    const int most = static_cast<int>(llama_max_parallel_sequences()) / ids_each - prefixes_;
    if (options.sequences < 1 || options.sequences > most) {
        throw error(ErrorKind::BadInput, "{} parallel sequences: the engine takes 1 to {}", options.sequences, most);
    }
    const int ids = (options.sequences + prefixes_) * ids_each;
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
    // Of any batch; the engine makes room for one row of each of its sequences at least.
    const int outputs = std::min(batch_rows_, std::max(logit_rows_, ids));
    const AttentionChoice attention = attention_for(options, model_->info().arithmetic);
    f32_cache_ = attention.f32_cache;
    flash_attention_ = llama_flash_attn_type_name(attention.flash_attention);
    check_memory(static_cast<std::uint64_t>(rounded), outputs,
                 attention.flash_attention != LLAMA_FLASH_ATTN_TYPE_DISABLED, options.greedy);
    parameters.n_ctx = static_cast<uint32_t>(rounded);
    parameters.n_batch = static_cast<uint32_t>(batch_rows_);
    parameters.n_ubatch = static_cast<uint32_t>(batch_rows_);
    parameters.n_seq_max = static_cast<uint32_t>(ids);
    parameters.n_outputs_max = static_cast<uint32_t>(outputs);
    parameters.n_outputs_max_per_seq = parameters.n_outputs_max;
    parameters.n_threads = parameters.n_threads_batch = threads_ = thread_count(options.threads);
    parameters.flash_attn_type = attention.flash_attention;
    if (f32_cache_) parameters.type_k = parameters.type_v = GGML_TYPE_F32;
    parameters.swa_full = true;
    parameters.kv_unified = true;
    const ModelInfo& info = model_->info();
    own_operations_ = traits(info.arithmetic).is_own;
    keeps_f32_ = info.arithmetic == Arithmetic::Float32;
    if (!info.placement.whole() || keeps_f32_) {  // a GPU computes in the background where nobody looks at its nodes
        parameters.cb_eval = [](ggml_tensor* node, bool asked, void* session) {
            if (asked) static_cast<LlamaSession*>(session)->prepare(node);
            return !asked;
        };
        parameters.cb_eval_user_data = this;
    }
    if (options.greedy && !is_recurrent) offer_best(options, parameters);
    parameters.abort_callback = [](void* session) { return static_cast<LlamaSession*>(session)->is_to_stop(); };
    parameters.abort_callback_data = this;
    context_.reset(llama_init_from_model(model_->handle(), parameters));
    if (!context_) {
        throw error(ErrorKind::Model, "{}: no context of {} tokens for {} sequences: {}", model_->info().name, rounded,
                    options.sequences, last_engine_error());
    }
    vocabulary_size_ = model_->info().vocabulary_size;
    if (own_operations_) {
        // The engine has cleared a row for each of its sequences, and most of these are prefixes, which have none.
        release_zeros(llama_get_logits(context_.get()),
                      static_cast<std::size_t>(ids) * vocabulary_size_ * sizeof(float));
    }
    memory_ = llama_get_memory(context_.get());
    const auto sequences = static_cast<std::size_t>(options.sequences);
    guarded_.resize(sequences);
    store_.emplace(TokenStore::Size{sequences, static_cast<std::size_t>(prefixes_), llama_n_ctx(context_.get())},
                   is_recurrent ? Sharing::Whole
                   : has_window ? Sharing::BeyondRestored
                                : Sharing::AnyPart,
                   options.share_running && (!has_window || window_ > 0) ? Running::Shared : Running::Alone,
                   [this](std::size_t place) {
                       clear(id_of_prefix(place));
                       if (window_ > 0) clear(guard_of_prefix(place));
                   });
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

/// Where a GPU computes the logits, it finds the largest ones too.
void LlamaSession::offer_best(const SessionOptions& options, llama_context_params& parameters) {
    const Placement& placement = model_->info().placement;
    if (!placement.whole()) return;
    const bool runs = std::ranges::all_of(placement.devices, [](const Device& device) {  // any may have the output
        return BestOfRows::runs_on(ggml_backend_dev_by_name(device.name.c_str()));
    });
    if (!runs) return;
    best_of_rows_.emplace(options.sequences);
    parameters.samplers = best_of_rows_->samplers().data();
    parameters.n_samplers = best_of_rows_->samplers().size();
    parameters.n_outputs_max_per_seq = 1;
    if (watch_.detail) watch_.detail("the GPU finds the largest logit of each row itself");
}

/// Says what the session will take, and refuses it where the machine or a GPU has less. Weights that are mapped take
/// what is left: they need not be in memory all at once.
void LlamaSession::check_memory(std::uint64_t cells, int outputs, bool flash_attention, bool greedy) const {
    MemoryShape shape = model_->memory_shape();
    shape.cells = cells;
    shape.number_bytes = f32_cache_ ? 4 : 2;
    shape.rows = static_cast<std::uint64_t>(batch_rows_);
    shape.logit_rows = static_cast<std::uint64_t>(outputs);
    shape.flash_attention = flash_attention;
    MemoryNeed need = estimate_memory(shape);
    if (const Placement& placement = model_->info().placement; placement.layers > 0) {
        check_device_memory(on_devices(need, placement.layers, placement.of), cells);
        // Where the GPU chooses, the engine has room for four rows of the vocabulary in the place of each.
        const std::uint64_t copies = greedy ? 4 : 1;
        need = beside_devices(need, placement.layers, placement.of, copies * shape.logit_rows * logit_row_bytes(shape));
    }
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
    if (shape.weights_are_mapped && need.total() > *available && watch_.warning) {
        watch_.warning(
            fmt::format("{} would take about {}, and this machine has {} left: its weights will be read from "
                        "the disk again and again",
                        model_->info().name, describe(need, cells), left));
    }
}

/// What they have free is asked anew: the weights are there, and other sessions may be.
void LlamaSession::check_device_memory(const MemoryNeed& need, std::uint64_t cells) const {
    const std::vector<Device>& used = model_->info().placement.devices;
    const std::string names = describe(used);
    std::uint64_t free = 0;
    for (const Device& device : devices()) {
        if (std::ranges::find(used, device.name, &Device::name) != used.end()) free += device.free_bytes;
    }
    const std::string left = human_bytes(static_cast<double>(free));
    if (watch_.detail) {
        watch_.detail(fmt::format("memory of {}: about {} for {}, {} free", names, describe(need, cells),
                                  model_->info().name, left));
    }
    if (need.total() <= free) return;
    throw error(ErrorKind::BadInput,
                "{} with a context of {} tokens would take about {} more of {}, which has {} free\n"
                "use a smaller --context, fewer answers at a time (--parallel), fewer layers there (--gpu-layers), "
                "another --device or --device cpu",
                model_->info().name, cells, describe(need, cells), names, left);
}

nlohmann::ordered_json LlamaSession::circumstances(std::span<const Token> prefix) const {
    nlohmann::ordered_json adapters = nlohmann::ordered_json::array();
    if (uses_adapters_) {
        for (const AdapterInfo& adapter : model_->info().adapters) {
            adapters.push_back({{"sha256", adapter.content_hash}, {"scale", adapter.scale}});
        }
    }
    std::string_view token_bytes(reinterpret_cast<const char*>(prefix.data()), prefix.size() * sizeof(Token));
    const EngineBuild build = engine_build();
    const ArithmeticTraits& arithmetic = traits(model_->info().arithmetic);
    nlohmann::ordered_json key{{"format", 1},
                               {"model_sha256", model_->info().content_hash},
                               {"model_sample_sha256", model_->weight_sample()},
                               {"adapters", adapters},
                               {"prefix_tokens", prefix.size()},
                               {"prefix_sha256", sha256_hex(token_bytes)},
                               {"cache_types", f32_cache_ ? "f32,f32" : "f16,f16"},
                               {"flash_attention", flash_attention_},
                               {"arithmetic", arithmetic.name},
                               {"arithmetic_version", arithmetic.version},
                               {"batch_rows", batch_rows_},
                               {"engine", build.version + " " + build.commit},
                               {"cpu", build.cpu_features}};
    const Placement& placement = model_->info().placement;
    for (const Device& device : placement.devices) key["devices"].push_back(describe(device) + " " + device.driver);
    if (placement.layers > 0) key["device_layers"] = placement.layers;
    return key;
}

void LlamaSession::clear(llama_seq_id id) { llama_memory_seq_rm(memory_, id, -1, -1); }

llama_seq_id LlamaSession::id_of_prefix(std::size_t place) const {
    const int sequences = sequence_count() * (window_ > 0 ? 2 : 1);
    return sequences + static_cast<llama_seq_id>(place);
}

bool LlamaSession::restore(llama_seq_id id, const std::vector<std::uint8_t>& state) {
    if (llama_state_seq_set_data(context_.get(), state.data(), state.size(), id) == state.size()) return true;
    clear(id);
    return false;
}

PrefixOrigin LlamaSession::pin(std::span<const Token> tokens) {
    if (tokens.empty()) return PrefixOrigin::Empty;
    if (const std::optional<std::size_t> place = store_->find(tokens)) {
        store_->pin(*place);
        return PrefixOrigin::Present;
    }
    if (tokens.size() >= store_->free_cells()) {
        throw error(ErrorKind::ContextFull,
                    "the prompt's constant part has {} tokens and the context {}, of which {} are free: use a larger "
                    "context or a shorter prompt",
                    tokens.size(), context_tokens(), store_->free_cells());
    }
    // In an empty memory each prefix gets the same cells as the last time.
    if (store_->is_empty()) llama_memory_clear(memory_, /*data=*/false);
    const std::size_t place = store_->add_pinned(tokens);
    try {
        return provide(id_of_prefix(place), tokens);
    } catch (...) {
        store_->drop(place);
        throw;
    }
}

void LlamaSession::unpin(std::span<const Token> tokens) {
    if (const std::optional<std::size_t> place = store_->find(tokens)) store_->unpin(*place);
}

PrefixOrigin LlamaSession::provide(llama_seq_id id, std::span<const Token> prefix) {
    const bool keeps = snapshots_ && prefix.size() >= kSmallestSnapshotTokens;
    const nlohmann::ordered_json key = keeps ? circumstances(prefix) : nlohmann::ordered_json();
    if (keeps) {
        if (const auto state = snapshots_->read(key); state && restore(id, *state)) return PrefixOrigin::Restored;
    }
    decode_prefix(id, prefix);
    std::vector<std::uint8_t> state(llama_state_seq_get_size(context_.get(), id));
    state.resize(llama_state_seq_get_data(context_.get(), state.data(), state.size(), id));
    clear(id);
    if (!restore(id, state)) {
        throw error(ErrorKind::Model, "the prefix's state cannot be restored: {}", last_engine_error());
    }
    if (keeps) snapshots_->write(key, state);
    return PrefixOrigin::Computed;
}

void LlamaSession::decode_prefix(llama_seq_id id, std::span<const Token> prefix) {
    for (std::size_t begin = 0; begin < prefix.size(); begin += static_cast<std::size_t>(batch_rows_)) {
        const std::size_t count = std::min(prefix.size() - begin, static_cast<std::size_t>(batch_rows_));
        for (std::size_t i = 0; i < count; ++i) set_row(i, id, begin + i, prefix[begin + i], false);
        reading_ = {prefix.size(), begin, count};
        const int32_t status = run_rows(count);
        reading_ = {};
        if (status == kAborted) throw Cancelled();
        if (status != 0) {
            throw error(ErrorKind::Model, "the constant prefix cannot be decoded: {}", last_engine_error());
        }
        if (watch_.progress) watch_.progress(begin + count, prefix.size());
    }
}

void LlamaSession::set_row(std::size_t i, llama_seq_id sequence, std::size_t position, Token token, bool wants_logits) {
    token_column_[i] = token;
    position_column_[i] = static_cast<llama_pos>(position);
    sequence_column_[i] = sequence;
    logits_column_[i] = wants_logits ? 1 : 0;
}

int32_t LlamaSession::run_rows(std::size_t count) {
    if (model_->info().placement.whole() && is_to_stop()) return kAborted;  // the engine asks on the CPU alone
    best_.clear();
    std::fill(logits_column_.begin() + static_cast<std::ptrdiff_t>(count), logits_column_.end(), 0);
    const auto column = std::span(logits_column_).first(count);
    rows_with_logits_ = std::count(column.begin(), column.end(), 1);
    llama_batch batch{};
    batch.n_tokens = static_cast<int32_t>(count);
    batch.token = token_column_.data();
    batch.pos = position_column_.data();
    batch.n_seq_id = count_column_.data();
    batch.seq_id = sequence_pointers_.data();
    batch.logits = logits_column_.data();
    // A row of embeddings maps the pages around it too, up to a megabyte: in time all of the file.
    constexpr std::size_t kRowsBetweenReleases = 64;
    if (rows_since_release_ += count; rows_since_release_ >= kRowsBetweenReleases) {
        rows_since_release_ = 0;
        model_->release_file();
    }
    const int left_out = mind_the_crowd();
    use_threads(count > 1 ? left_out : 0);  // of one row ggml divides the cells among the threads
    return llama_decode(context_.get(), batch);
}

void LlamaSession::use_threads(int left_out) {
    if (!any_threads_) return;
    const int threads = std::max(1, threads_ - left_out);
    if (threads != llama_n_threads(context_.get())) llama_set_n_threads(context_.get(), threads, threads);
}

Shareable LlamaSession::shareable(std::span<const Token> tokens, std::size_t most) const {
    const TokenStore::Share share = store_->share(tokens, most);
    return {share.tokens, share.pinned, share.firm};
}

std::size_t LlamaSession::start(int sequence, std::span<const Token> tokens, std::size_t most) {
    end(sequence, Afterwards::Forget);
    const TokenStore::Share share = store_->share(tokens, most);
    store_->start(sequence, share);
    if (share.tokens == 0) return 0;
    const auto count = static_cast<llama_pos>(share.tokens);
    // Of a running sequence with a window too the cells are all there: those without a guard are in the window still.
    const llama_seq_id source = share.sequence ? id_of(*share.sequence) : id_of_prefix(*share.prefix);
    llama_memory_seq_cp(memory_, source, id_of(sequence), 0, count);
    if (window_ > 0) llama_memory_seq_cp(memory_, source, guard_of(sequence), 0, count);
    guarded_[static_cast<std::size_t>(sequence)] = share.tokens;
    return share.tokens;
}

void LlamaSession::end(int sequence, Afterwards afterwards) {
    if (afterwards == Afterwards::Keep && store_->length(sequence) > 0) {
        protect(sequence, 0);
        if (const std::optional<std::size_t> place = store_->keep(sequence)) {
            llama_memory_seq_cp(memory_, id_of(sequence), id_of_prefix(*place), -1, -1);
            if (window_ > 0) llama_memory_seq_cp(memory_, guard_of(sequence), guard_of_prefix(*place), -1, -1);
        }
    } else {
        store_->forget(sequence);
    }
    clear(id_of(sequence));
    if (window_ > 0) clear(guard_of(sequence));
    guarded_[static_cast<std::size_t>(sequence)] = 0;
}

/// Gives the cells of the sequence a second owner, once more than so many have none.
void LlamaSession::protect(int sequence, std::size_t most_unguarded) {
    if (window_ == 0) return;
    std::size_t& guarded = guarded_[static_cast<std::size_t>(sequence)];
    const std::size_t length = store_->length(sequence);
    if (length - guarded <= most_unguarded) return;
    llama_memory_seq_cp(memory_, id_of(sequence), guard_of(sequence), static_cast<llama_pos>(guarded),
                        static_cast<llama_pos>(length));
    guarded = length;
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
        (void)store_->length(row.sequence);
        if (row.token < 0 || static_cast<std::size_t>(row.token) >= vocabulary_size_) {
            throw error(ErrorKind::BadInput, "token id {} is outside the vocabulary of {} tokens", row.token,
                        vocabulary_size_);
        }
    }
    submit(rows);
}

void LlamaSession::submit(std::span<const Row> rows) {
    store_->make_room(rows.size());
    std::vector<std::size_t> lengths(store_->sequence_count());
    for (std::size_t s = 0; s < lengths.size(); ++s) lengths[s] = store_->length(static_cast<int>(s));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Row& row = rows[i];
        const std::size_t position = lengths[static_cast<std::size_t>(row.sequence)]++;
        set_row(i, id_of(row.sequence), position, row.token, row.wants_logits);
    }
    const int32_t status = run_rows(rows.size());
    if (status == kAborted) {
        for (const Row& row : rows) end(row.sequence, Afterwards::Forget);
        throw Cancelled();
    }
    if (status == 1) throw error(ErrorKind::ContextFull, "the engine found no room for {} tokens", rows.size());
    if (status != 0) throw error(ErrorKind::Model, "decoding failed ({}): {}", status, last_engine_error());
    for (const Row& row : rows) {
        store_->append(row.sequence, row.token);
        protect(row.sequence, window_ / 2);
    }
}

/// The engine asks of every node, before it computes the graph, whether we want to see the node's result.
void LlamaSession::prepare(ggml_tensor* node) {
    if (is_computed(*node)) ++reading_.nodes;
    if (own_operations_) take_over(node);
    if (keeps_f32_) keep_f32(node);
    if (std::string_view(node->name) == "result_output") place_logits(node);
}

/// The engine asks before each node that it computes.
bool LlamaSession::is_to_stop() {
    if (reading_.batch > 0 && watch_.progress) {
        ++reading_.computed_nodes;
        const std::size_t share = reading_.batch * std::min(reading_.computed_nodes, reading_.nodes);
        watch_.progress(reading_.done + share / std::max<std::size_t>(reading_.nodes, 1), reading_.total);
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
    if (best_of_rows_) throw Error(ErrorKind::BadInput, "a greedy session on a GPU gives no logits");
    const float* values = llama_get_logits_ith(context_.get(), static_cast<int32_t>(row));
    if (values == nullptr) throw error(ErrorKind::BadInput, "row {} of the last batch has no logits", row);
    return {values, vocabulary_size_};
}

Best LlamaSession::best(std::size_t row) const {
    const auto before = std::span(logits_column_).first(std::min(row, logits_column_.size()));
    if (!best_of_rows_ || row >= logits_column_.size() || logits_column_[row] == 0) return Session::best(row);
    if (best_.empty()) best_ = best_of_rows_->read(context_.get(), static_cast<std::size_t>(rows_with_logits_));
    const Best& best = best_.at(static_cast<std::size_t>(std::count(before.begin(), before.end(), 1)));
    if (best.token < 0) throw Error(ErrorKind::Model, "the model gave a logit that is not a number (NaN)");
    return best;
}

Best Session::best(std::size_t row) const {
    throw error(ErrorKind::BadInput, "row {} of the last batch has no largest logit of its own", row);
}

}  // namespace urial::engine

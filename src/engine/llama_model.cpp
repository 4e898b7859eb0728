#include "engine/llama_model.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <stdexcept>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "engine/backend.h"
#include "engine/gguf_file.h"
#include "engine/llama_session.h"
#include "engine/mapped_file.h"
#include "engine/packed_weights.h"

namespace urial::engine {
namespace {

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

/// What sessions take beside the weights is not known when these are loaded: room is left for such a one.
constexpr std::uint64_t kLikelyCells = 8192;
constexpr std::uint64_t kLikelyRows = 512;
constexpr std::uint64_t kLikelyLogitRows = 64;
/// What a GPU's own libraries take.
constexpr std::uint64_t kDeviceLibraryBytes = 300'000'000;

/// 7 for "blk.7.attn_q.weight".
std::optional<std::size_t> layer_of(std::string_view tensor) {
    constexpr std::string_view kLayer = "blk.";
    std::size_t layer = 0;
    if (!tensor.starts_with(kLayer)) return std::nullopt;
    const auto [end, failure] = std::from_chars(tensor.data() + kLayer.size(), tensor.data() + tensor.size(), layer);
    return failure == std::errc() ? std::optional(layer) : std::nullopt;
}

/// Sizes by what the file says, before it is loaded.
LayerBytes layer_bytes(const GgufFile& file, Purpose purpose) {
    LayerBytes bytes;
    std::uint64_t embedding = 0;
    const auto tensors = file.tensors();
    for (const auto& [name, size] : tensors) {
        if (const auto layer = layer_of(name); layer && *layer < tensors.size()) {
            if (*layer >= bytes.layers.size()) bytes.layers.resize(*layer + 1);
            bytes.layers[*layer] += size;
        } else if (name == "token_embd.weight") {
            embedding = size;
        } else if (name.starts_with("output")) {
            bytes.output += size;
        }
    }
    if (bytes.output < embedding / 2) bytes.output += embedding;  // the output's matrix is the embeddings' then
    MemoryShape shape =
        shape_of([&](const std::string& key) { return file.shown(key); }, file.count("tokenizer.ggml.tokens"));
    const bool is_precise = purpose == Purpose::Precise;
    shape.cells = kLikelyCells;
    shape.number_bytes = is_precise ? 4 : 2;
    shape.rows = kLikelyRows;
    shape.logit_rows = kLikelyLogitRows;
    shape.flash_attention = !is_precise;
    const MemoryNeed session = estimate_memory(shape);
    // Who is precise has two models, or two sessions of one, and makes both sessions when both models are there.
    const std::uint64_t sessions = is_precise ? 2 : 1;
    bytes.cache = sessions * session.cache;
    bytes.fixed = sessions * session.buffers + kDeviceLibraryBytes;
    return bytes;
}

}  // namespace

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

std::vector<Token> tokens_of(const llama_vocab* vocabulary, std::string_view text, bool special, bool parse_special,
                             std::string_view model) {
    std::vector<Token> tokens(text.size() + 16);
    const auto run = [&] {
        return llama_tokenize(vocabulary, text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                              static_cast<int32_t>(tokens.size()), special, parse_special);
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
                    model);
    }
    return tokens;
}

LlamaModel::LlamaModel(const ModelOptions& options) : file_(options.path) {
    start_backend();
    llama_model_params parameters = llama_model_default_params();
    place(options);
    std::vector<ggml_backend_dev_t> used;
    for (const Device& device : info_.placement.devices) used.push_back(ggml_backend_dev_by_name(device.name.c_str()));
    used.push_back(nullptr);
    parameters.devices = used.data();
    parameters.n_gpu_layers = info_.placement.layers;
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
    if (traits(info_.arithmetic).is_own) {
        release_mapped_file(file_);
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

/// Decides where the layers go, and with it on the arithmetic.
void LlamaModel::place(const ModelOptions& options) {
    std::vector<Device> chosen = choose_devices(options.device, options.gpu_layers, devices());
    if (!chosen.empty()) {
        const LayerBytes bytes = layer_bytes(GgufFile(options.path), options.purpose);
        info_.placement = place_layers(bytes, std::move(chosen), options.gpu_layers, options.device == kAnyDevice);
        const Placement& placement = info_.placement;
        if (options.gpu_layers < 0 && !placement.whole() && options.watch.warning) {
            options.watch.warning(
                fmt::format("{}: {} of {} layers fit on the GPU, the CPU computes the others, which is slow; all of "
                            "them with their "
                            "sessions take about {}: a smaller model or quantisation may fit",
                            options.path.filename().string(), placement.layers, placement.of,
                            human_bytes(static_cast<double>(bytes.total()))));
        }
    }
    Arithmetic wanted = info_.placement.layers > 0 ? options.gpu_arithmetic : options.arithmetic;
    // What it promises holds where all products are NVIDIA's to compute.
    const auto& used = info_.placement.devices;
    const bool is_nvidia = std::ranges::all_of(used, [](const Device& each) { return each.library == kCudaLibrary; });
    if (wanted == Arithmetic::Float32 && !(info_.placement.whole() && is_nvidia)) wanted = Arithmetic::Engine;
    info_.arithmetic = traits(wanted).runs_here() ? wanted : Arithmetic::Engine;
}

void LlamaModel::release_file() const {
    const bool is_packed = traits(info_.arithmetic).is_own && info_.packed_matrices == info_.quantised_matrices;
    if (is_packed && info_.packed_matrices > 0) release_mapped_file(file_);
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

MemoryShape LlamaModel::memory_shape() const {
    MemoryShape shape =
        shape_of([&](const std::string& key) { return metadata(model_.get(), key.c_str()); }, info_.vocabulary_size);
    shape.weight_bytes = info_.file_bytes;
    shape.weights_are_mapped = !traits(info_.arithmetic).is_own;
    if (llama_model_is_recurrent(model_.get())) shape.cell_numbers = 0;  // its state does not grow with the context
    return shape;
}

std::vector<Token> LlamaModel::tokenize(std::string_view text, TokenizeOptions options) const {
    std::vector<Token> tokens = tokens_of(vocabulary_, text, /*special=*/false, options.parse_special, info_.name);
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

std::shared_ptr<const Model> load_model(const ModelOptions& options) { return std::make_shared<LlamaModel>(options); }

}  // namespace urial::engine

#include "engine/llama_model.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <stdexcept>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "engine/backend.h"
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
    parameters.n_gpu_layers = options.gpu_layers;
    info_.arithmetic = traits(options.arithmetic).runs_here() ? options.arithmetic : Arithmetic::Engine;
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

std::optional<MemoryShape> LlamaModel::memory_shape() const {
    if (llama_supports_gpu_offload()) return std::nullopt;
    const llama_model* model = model_.get();
    const std::string architecture = metadata(model, "general.architecture");
    const auto of_layers = [&](const char* key, std::uint64_t layers) {
        return over_layers(metadata(model, (architecture + key).c_str()), layers);
    };
    MemoryShape shape;
    shape.weight_bytes = info_.file_bytes;
    shape.weights_are_mapped = !traits(info_.arithmetic).is_own;
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

#include "models/sentence_transformer.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "models/gguf_writer.h"
#include "models/safetensors.h"

namespace urial::models {
namespace {

using nlohmann::ordered_json;

/// A JSON file of the folder, and its fields with errors that name it.
class Settings {
public:
    explicit Settings(fs::path path) : path_(std::move(path)), json_(read_json_file(path_)) {
        if (!json_.is_object()) throw error(ErrorKind::BadInput, "{}: not a JSON object", path_.string());
    }

    [[noreturn]] void fail(std::string_view reason) const {
        throw error(ErrorKind::BadInput, "{}: {}", path_.string(), reason);
    }

    template <class Value>
    Value get(const std::string& pointer) const {
        const auto value = find<Value>(pointer);
        if (!value) fail(fmt::format("{} is missing or of another type than expected", pointer));
        return *value;
    }
    template <class Value>
    std::optional<Value> find(const std::string& pointer) const {
        try {
            return json_.at(ordered_json::json_pointer(pointer)).get<Value>();
        } catch (const ordered_json::exception&) {
            return std::nullopt;
        }
    }
    /// A count or a size.
    std::uint32_t size(const std::string& pointer) const {
        constexpr std::int64_t kMost = 1 << 24;
        const auto value = get<std::int64_t>(pointer);
        if (value < 1 || value > kMost) fail(fmt::format("{} is {}, which cannot be", pointer, value));
        return static_cast<std::uint32_t>(value);
    }
    void expect(const std::string& pointer, const ordered_json& wanted) const {
        const auto found = find<ordered_json>(pointer).value_or(ordered_json());
        if (found != wanted) {
            fail(fmt::format("{} is {}; only {} can be converted", pointer, printable(found.dump()), wanted.dump()));
        }
    }
    const ordered_json& json() const { return json_; }

private:
    fs::path path_;
    ordered_json json_;
};

struct Shape {
    std::uint32_t vocabulary = 0, width = 0, hidden = 0, layers = 0, heads = 0, positions = 0, buckets = 0;
    float epsilon = 0;
};

Shape read_shape(const Settings& config) {
    config.expect("/model_type", "mpnet");
    config.expect("/hidden_act", "gelu");
    const Shape shape{.vocabulary = config.size("/vocab_size"),
                      .width = config.size("/hidden_size"),
                      .hidden = config.size("/intermediate_size"),
                      .layers = config.size("/num_hidden_layers"),
                      .heads = config.size("/num_attention_heads"),
                      .positions = config.size("/max_position_embeddings"),
                      .buckets = config.size("/relative_attention_num_buckets"),
                      .epsilon = config.get<float>("/layer_norm_eps")};
    if (shape.width % shape.heads != 0) config.fail("hidden_size is no multiple of num_attention_heads");
    return shape;
}

/// The mean of the tokens and then, or not, the length 1: what is done here always.
void check_modules(const fs::path& folder) {
    const fs::path path = folder / "modules.json";
    const ordered_json modules = read_json_file(path);
    std::string kinds;
    for (const auto& module : modules) {
        const std::string type = module.is_object() ? module.value("type", "") : "";
        kinds += type.substr(type.rfind('.') + 1) + " ";
    }
    if (kinds != "Transformer Pooling " && kinds != "Transformer Pooling Normalize ") {
        throw error(ErrorKind::BadInput,
                    "{}: the modules are {}; only Transformer, Pooling, Normalize can be converted", path.string(),
                    printable(kinds));
    }
    const Settings pooling(folder / "1_Pooling" / "config.json");
    for (const auto& [key, value] : pooling.json().items()) {
        if (!key.starts_with("pooling_mode") || !value.is_boolean()) continue;
        pooling.expect("/" + key, key == "pooling_mode_mean_tokens");
    }
}

/// Tokens that the text goes to, the special ones among them. With sentence-transformers' limit, else the positions.
std::uint32_t most_tokens(const fs::path& folder, const Shape& shape) {
    constexpr std::uint32_t kFirstPosition = 2;  // positions 0 and 1 are no token's
    const std::uint32_t positions = shape.positions - std::min(shape.positions, kFirstPosition);
    const fs::path path = folder / "sentence_bert_config.json";
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return positions;
    return std::min(Settings(path).size("/max_seq_length"), positions);
}

struct Vocabulary {
    std::vector<std::string> tokens;  // as the engine's tokenizer model "bert" has them
    std::vector<std::int32_t> types;
    std::uint32_t unknown = 0;
};

constexpr std::int32_t kNormalToken = 1;
constexpr std::int32_t kControlToken = 3;

Vocabulary read_vocabulary(const Settings& tokenizer, const Shape& shape) {
    tokenizer.expect("/model/type", "WordPiece");
    tokenizer.expect("/model/continuing_subword_prefix", "##");
    tokenizer.expect("/model/max_input_chars_per_word", 100);
    tokenizer.expect("/normalizer", {{"type", "BertNormalizer"},
                                     {"clean_text", true},
                                     {"handle_chinese_chars", true},
                                     {"strip_accents", nullptr},
                                     {"lowercase", true}});
    tokenizer.expect("/pre_tokenizer/type", "BertPreTokenizer");
    Vocabulary vocabulary;
    vocabulary.tokens.resize(shape.vocabulary);
    vocabulary.types.assign(shape.vocabulary, 0);
    const auto add = [&](const std::string& token, std::int64_t id, std::int32_t type) {
        if (id < 0 || id >= shape.vocabulary) {
            tokenizer.fail(fmt::format("token {} has the id {} of {}", printable(token), id, shape.vocabulary));
        }
        vocabulary.tokens[static_cast<std::size_t>(id)] = token;
        vocabulary.types[static_cast<std::size_t>(id)] = type;
    };
    const auto words = tokenizer.get<ordered_json>("/model/vocab");
    for (const auto& [token, id] : words.items()) {
        const bool goes_on = token.size() > 2 && token.starts_with("##");
        // The engine's way: a mark (U+2581) where a word begins instead of one where it goes on.
        add(goes_on ? token.substr(2) : "\xE2\x96\x81" + token, id.get<std::int64_t>(), kNormalToken);
    }
    for (const auto& added : tokenizer.get<ordered_json>("/added_tokens")) {
        add(added.at("content").get<std::string>(), added.at("id").get<std::int64_t>(), kControlToken);
    }
    for (std::size_t id = 0; id < vocabulary.types.size(); ++id) {
        if (vocabulary.types[id] == 0) tokenizer.fail(fmt::format("no token has the id {}", id));
    }
    const auto unknown = tokenizer.get<std::string>("/model/unk_token");
    const auto found = std::ranges::find(vocabulary.tokens, unknown);
    if (found == vocabulary.tokens.end()) tokenizer.fail("model/unk_token is no added token");
    vocabulary.unknown = static_cast<std::uint32_t>(found - vocabulary.tokens.begin());
    return vocabulary;
}

/// The tensors of a file with their names in a GGUF, those of BERT.
class Tensors {
public:
    Tensors(GgufWriter& writer, Safetensors& source, EncoderType type)
        : writer_(writer),
          source_(source),
          type_(type),
          prefix_(source.has("mpnet." + std::string(kFirst)) ? "mpnet." : "") {}

    void add_all(const Shape& shape) {
        add(kFirst, "token_embd.weight", {shape.vocabulary, shape.width}, type_);
        add("embeddings.position_embeddings.weight", "position_embd.weight", {shape.positions, shape.width});
        add_pair("embeddings.LayerNorm", "token_embd_norm", {shape.width});
        add("encoder.relative_attention_bias.weight", "attn_rel_b.weight", {shape.buckets, shape.heads});
        for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
            const std::string from = fmt::format("encoder.layer.{}.", layer);
            const std::string to = fmt::format("blk.{}.", layer);
            for (const std::string part : {"q", "k", "v"}) {
                add_pair(from + "attention.attn." + part, to + "attn_" + part, {shape.width, shape.width});
            }
            add_pair(from + "attention.attn.o", to + "attn_output", {shape.width, shape.width});
            add_pair(from + "attention.LayerNorm", to + "attn_output_norm", {shape.width});
            add_pair(from + "intermediate.dense", to + "ffn_up", {shape.hidden, shape.width});
            add_pair(from + "output.dense", to + "ffn_down", {shape.width, shape.hidden});
            add_pair(from + "output.LayerNorm", to + "layer_output_norm", {shape.width});
        }
    }

private:
    static constexpr const char* kFirst = "embeddings.word_embeddings.weight";

    /// `shape` as safetensors has it: the length of a row last.
    void add(const std::string& from, const std::string& to, std::vector<std::uint64_t> shape,
             EncoderType type = EncoderType::F32) {
        const std::string name = prefix_ + from;
        source_.check(name);
        const std::vector<std::uint64_t> sizes(shape.rbegin(), shape.rend());
        const bool is_f16 = type == EncoderType::F16;
        writer_.tensor(to, sizes, is_f16 ? GgufWriter::TensorType::F16 : GgufWriter::TensorType::F32,
                       [&source = source_, name, shape] { return source.read(name, shape); });
    }
    /// A weight and its bias. Matrices alone may be f16.
    void add_pair(const std::string& from, const std::string& to, const std::vector<std::uint64_t>& shape) {
        add(from + ".weight", to + ".weight", shape, shape.size() == 2 ? type_ : EncoderType::F32);
        add(from + ".bias", to + ".bias", {shape.front()});
    }

    GgufWriter& writer_;
    Safetensors& source_;
    EncoderType type_;
    std::string prefix_;
};

fs::path weights_of(const fs::path& folder) {
    const fs::path path = folder / "model.safetensors";
    std::error_code ignored;
    if (fs::exists(path, ignored)) return path;
    throw error(ErrorKind::NotFound, "{}: no such file; weights are read from a single safetensors file{}",
                path.string(),
                fs::exists(folder / "pytorch_model.bin", ignored)
                    ? ", not from pytorch_model.bin: write one with transformers' save_pretrained()"
                    : "");
}

}  // namespace

bool is_encoder_folder(const fs::path& folder) {
    std::error_code ignored;
    return fs::is_directory(folder, ignored) && fs::exists(folder / "config.json", ignored);
}

void convert_encoder(const fs::path& folder, const fs::path& output, EncoderType type,
                     const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) {
    const Settings config(folder / "config.json");
    const Shape shape = read_shape(config);
    check_modules(folder);
    const Settings tokenizer(folder / "tokenizer.json");
    const Vocabulary vocabulary = read_vocabulary(tokenizer, shape);
    const auto token = [&](const std::string& pointer) {
        const auto id = config.get<std::int64_t>(pointer);
        if (id < 0 || id >= shape.vocabulary)
            config.fail(fmt::format("{} is {} of {} tokens", pointer, id, shape.vocabulary));
        return static_cast<std::uint32_t>(id);
    };
    Safetensors weights(weights_of(folder));

    GgufWriter writer;
    writer.text("general.architecture", "mpnet");
    writer.text("general.type", "model");
    writer.text("general.name", fs::absolute(folder / ".").lexically_normal().parent_path().filename().string());
    writer.number("general.file_type", type == EncoderType::F32 ? 0 : 1);
    writer.number("mpnet.context_length", most_tokens(folder, shape));
    writer.number("mpnet.embedding_length", shape.width);
    writer.number("mpnet.block_count", shape.layers);
    writer.number("mpnet.feed_forward_length", shape.hidden);
    writer.number("mpnet.attention.head_count", shape.heads);
    writer.real("mpnet.attention.layer_norm_epsilon", shape.epsilon);
    writer.number("mpnet.attention.relative_buckets_count", shape.buckets);
    writer.number("mpnet.pooling_type", 1);  // the mean
    writer.text("tokenizer.ggml.model", "bert");
    writer.texts("tokenizer.ggml.tokens", vocabulary.tokens);
    writer.integers("tokenizer.ggml.token_type", vocabulary.types);
    writer.number("tokenizer.ggml.bos_token_id", token("/bos_token_id"));
    writer.number("tokenizer.ggml.eos_token_id", token("/eos_token_id"));
    writer.number("tokenizer.ggml.padding_token_id", token("/pad_token_id"));
    writer.number("tokenizer.ggml.unknown_token_id", vocabulary.unknown);
    Tensors(writer, weights, type).add_all(shape);
    writer.write(output, progress);
}

}  // namespace urial::models

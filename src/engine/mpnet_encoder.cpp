// The texts of a batch lie one behind the other, without padding: their tokens are the columns of every product of
// matrices, which wide_product.h or ggml computes. What lies between two products is one node each, by
// encoder_loops.h: attention, which alone knows where texts begin, and bias with GELU or with residual and
// normalisation.

#include "engine/mpnet_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include <fmt/format.h>
#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "engine/backend.h"
#include "engine/crowd.h"
#include "engine/encoder_loops.h"
#include "engine/wide_product.h"
#include "engine/word_piece.h"

namespace urial::engine {
namespace {

struct FreeContext {
    void operator()(ggml_context* context) const { ggml_free(context); }
};
struct FreeBuffer {
    void operator()(ggml_backend_buffer* buffer) const { ggml_backend_buffer_free(buffer); }
};
struct FreeBackend {
    void operator()(ggml_backend* backend) const { ggml_backend_free(backend); }
};
struct FreeAllocator {
    void operator()(ggml_gallocr* allocator) const { ggml_gallocr_free(allocator); }
};

struct Shape {
    std::size_t vocabulary = 0, width = 0, hidden = 0, layers = 0, heads = 0, positions = 0, buckets = 0;
    std::size_t most_tokens = 0;
    std::size_t first_position = 0;
    float epsilon = 0;
};

Shape read_shape(const GgufFile& file) {
    const auto size = [&](const char* key, std::size_t most) {
        return file.size(fmt::format("{}.{}", kMpnet, key), most);
    };
    Shape shape;
    shape.width = size("embedding_length", 1 << 14);
    shape.hidden = size("feed_forward_length", 1 << 16);
    shape.layers = size("block_count", 1 << 10);
    shape.heads = size("attention.head_count", 1 << 10);
    shape.buckets = size("attention.relative_buckets_count", 1 << 10);
    shape.most_tokens = size("context_length", 1 << 16);
    shape.epsilon = file.real(fmt::format("{}.attention.layer_norm_epsilon", kMpnet));
    shape.first_position = static_cast<std::size_t>(file.whole("tokenizer.ggml.padding_token_id")) + 1;
    shape.positions = shape.most_tokens + shape.first_position;
    const std::string wrong = "its sizes are not those of an MPNet model";
    if (size("pooling_type", 4) != 1) file.fail("its pooling is not the mean, the only one that is known of MPNet");
    if (shape.width % shape.heads != 0 || shape.width / shape.heads % kEncoderStep != 0 ||
        shape.hidden % kEncoderStep != 0 || shape.buckets % 4 != 0 || shape.most_tokens < 3) {
        file.fail(wrong);
    }
    return shape;
}

struct FreeMemory {
    void operator()(void* memory) const { std::free(memory); }
};
using Packed = std::unique_ptr<char, FreeMemory>;

Packed packed_memory(std::size_t bytes) {
    const std::size_t whole = (bytes + kWideAlignment - 1) / kWideAlignment * kWideAlignment;
    Packed memory(static_cast<char*>(std::aligned_alloc(kWideAlignment, whole)));
    if (!memory) throw std::bad_alloc();
    return memory;
}

/// A matrix, for ggml or (`packed`) for wide_product.h, and what is added to its products.
struct Linear {
    ggml_tensor* matrix = nullptr;
    Packed packed;
    std::size_t length = 0, rows = 0;
    std::vector<float> bias;
};
struct Norm {
    std::vector<float> gain, shift;
};
struct Layer {
    Linear joint, output, up, down;  // joint: queries, keys and values
    Norm attention_norm, output_norm;
};

class Weights {
public:
    Weights(const GgufFile& file, const EncoderOptions& options) : shape_(read_shape(file)), layers_(shape_.layers) {
        is_packed_ = options.arithmetic != Arithmetic::Engine && wide_product_runs_here() &&
                     shape_.width % kWideBlock == 0 && shape_.hidden % kWideBlock == 0;
        if (!is_packed_) declare(file);
        read(file, options.watch);
    }

    const Shape& shape() const { return shape_; }
    bool is_packed() const { return is_packed_; }
    const std::vector<Layer>& layers() const { return layers_; }
    const std::vector<float>& distances() const { return distances_; }

    /// Adds the embeddings of a token at a position and normalises them.
    void embed(Token token, std::size_t position, const EncoderLoops& loops, float* output) const {
        std::vector<float> row(shape_.width);
        const char* bytes = words_.data() + static_cast<std::size_t>(token) * ggml_row_size(word_type_, shape_.width);
        if (word_type_ == GGML_TYPE_F32) {
            std::memcpy(row.data(), bytes, row.size() * sizeof(float));
        } else {
            ggml_get_type_traits(word_type_)->to_float(bytes, row.data(), static_cast<std::int64_t>(row.size()));
        }
        const float* place = &positions_[(position + shape_.first_position) * shape_.width];
        loops.normalise(row.data(), place, nullptr, embedding_norm_.gain.data(), embedding_norm_.shift.data(),
                        shape_.epsilon, shape_.width, output);
    }

private:
    using Sizes = std::vector<std::int64_t>;
    static std::int64_t number(std::size_t size) { return static_cast<std::int64_t>(size); }

    /// The matrices without their numbers, and the memory for them.
    void declare(const GgufFile& file) {
        constexpr std::size_t kMatrices = 4;
        const ggml_init_params parameters{(shape_.layers * kMatrices + 8) * ggml_tensor_overhead(), nullptr, true};
        context_.reset(ggml_init(parameters));
        const auto matrix = [&](std::size_t length, std::size_t rows) {
            return ggml_new_tensor_2d(context_.get(), GGML_TYPE_F32, number(length), number(rows));
        };
        for (Layer& layer : layers_) {
            layer.joint.matrix = matrix(shape_.width, 3 * shape_.width);
            layer.output.matrix = matrix(shape_.width, shape_.width);
            layer.up.matrix = matrix(shape_.width, shape_.hidden);
            layer.down.matrix = matrix(shape_.hidden, shape_.width);
        }
        buffer_.reset(ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), ggml_backend_cpu_buffer_type()));
        if (!buffer_) throw error(ErrorKind::Model, "{}: no memory for its weights", file.path().string());
        ggml_backend_buffer_set_usage(buffer_.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    }

    void read(const GgufFile& file, const Watch& watch) {
        const Sizes row{number(shape_.width)};
        shape_.vocabulary = file.texts("tokenizer.ggml.tokens").size();
        const Sizes words{number(shape_.width), number(shape_.vocabulary)};
        words_ = file.bytes("token_embd.weight", words);
        word_type_ = file.type("token_embd.weight");
        if (word_type_ != GGML_TYPE_F32 && ggml_get_type_traits(word_type_)->to_float == nullptr) {
            file.fail("the tensor token_embd.weight is of a type that cannot be read");
        }
        read_positions(file);
        embedding_norm_ = norm(file, "token_embd_norm");
        read_distances(file);
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            if (watch.cancelled && watch.cancelled()) throw Cancelled();
            if (watch.progress) watch.progress(i, layers_.size());
            read(file, layers_[i], fmt::format("blk.{}.", i));
        }
    }

    void read(const GgufFile& file, Layer& layer, const std::string& name) {
        set(file, layer.joint, {name + "attn_q", name + "attn_k", name + "attn_v"}, shape_.width, shape_.width);
        set(file, layer.output, {name + "attn_output"}, shape_.width, shape_.width);
        set(file, layer.up, {name + "ffn_up"}, shape_.width, shape_.hidden);
        set(file, layer.down, {name + "ffn_down"}, shape_.hidden, shape_.width);
        layer.attention_norm = norm(file, name + "attn_output_norm");
        layer.output_norm = norm(file, name + "layer_output_norm");
    }

    /// A file may have more positions than texts have tokens.
    void read_positions(const GgufFile& file) {
        const std::string name = "position_embd.weight";
        const std::size_t there = file.rows(name);
        positions_ = file.numbers(name, {number(shape_.width), number(there)});
        if (there < shape_.positions) {
            file.fail(fmt::format("it has {} positions for texts of {} tokens", there, shape_.most_tokens));
        }
    }

    Norm norm(const GgufFile& file, const std::string& name) const {
        const Sizes sizes{number(shape_.width)};
        return {file.numbers(name + ".weight", sizes), file.numbers(name + ".bias", sizes)};
    }

    /// The rows of several matrices below each other.
    void set(const GgufFile& file, Linear& linear, const std::vector<std::string>& parts, std::size_t length,
             std::size_t rows) {
        std::vector<float> numbers;
        for (const std::string& part : parts) {
            const auto these = file.numbers(part + ".weight", {number(length), number(rows)});
            numbers.insert(numbers.end(), these.begin(), these.end());
            const auto bias = file.numbers(part + ".bias", {number(rows)});
            linear.bias.insert(linear.bias.end(), bias.begin(), bias.end());
        }
        linear.length = length;
        linear.rows = parts.size() * rows;
        if (is_packed_) return pack(linear, numbers);
        ggml_backend_tensor_set(linear.matrix, numbers.data(), 0, numbers.size() * sizeof(float));
    }

    static void pack(Linear& linear, const std::vector<float>& numbers) {
        const std::size_t bytes = wide_rows_bytes(linear.length);
        const std::size_t groups = linear.rows / kWideRows;
        linear.packed = packed_memory(groups * bytes);
        for_each_parallel(groups, 0, [&](std::size_t group) {
            pack_wide_rows(&numbers[group * kWideRows * linear.length], linear.length,
                           linear.packed.get() + group * bytes);
        });
    }

    /// TextAttention::distances.
    void read_distances(const GgufFile& file) {
        const auto learnt = file.numbers("attn_rel_b.weight", {number(shape_.heads), number(shape_.buckets)});
        const std::size_t stride = 2 * shape_.most_tokens - 1 + 2 * kEncoderStep;
        distances_.assign(shape_.heads * stride, 0.0F);
        const auto reach = static_cast<std::ptrdiff_t>(shape_.most_tokens);
        for (std::ptrdiff_t distance = 1 - reach; distance < reach; ++distance) {
            const std::size_t bucket = distance_bucket(distance, shape_.buckets);
            const auto place = static_cast<std::size_t>(distance + reach - 1);
            for (std::size_t head = 0; head < shape_.heads; ++head) {
                distances_[head * stride + place] = learnt[bucket * shape_.heads + head];
            }
        }
    }

    Shape shape_;
    std::unique_ptr<ggml_context, FreeContext> context_;
    std::unique_ptr<ggml_backend_buffer, FreeBuffer> buffer_;
    bool is_packed_ = false;
    std::vector<Layer> layers_;
    std::vector<char> words_;
    ggml_type word_type_ = GGML_TYPE_F32;
    std::vector<float> positions_;
    Norm embedding_norm_;
    std::vector<float> distances_;
};

const float* row(const ggml_tensor& tensor, std::int64_t index) {
    return reinterpret_cast<const float*>(static_cast<const char*>(tensor.data) +
                                          static_cast<std::size_t>(index) * tensor.nb[1]);
}
float* row(ggml_tensor& tensor, std::int64_t index) {
    return const_cast<float*>(row(static_cast<const ggml_tensor&>(tensor), index));
}

/// What a node of our own is to do.
struct Node {
    const EncoderLoops* loops = nullptr;
    const Norm* norm = nullptr;
    const std::vector<float>* bias = nullptr;
    float epsilon = 0;
    TextAttention* attention = nullptr;
    const Linear* linear = nullptr;
    char* columns = nullptr;  // packed
};

void attend_node(ggml_tensor* output, int thread, int threads, void* data) {
    const Node& node = *static_cast<const Node*>(data);
    TextAttention task = *node.attention;
    task.joint = row(*output->src[0], 0);
    task.bias = node.bias->data();
    task.output = row(*output, 0);
    node.loops->attend(task, static_cast<std::size_t>(thread), static_cast<std::size_t>(threads));
}

void normalise_node(ggml_tensor* output, int thread, int threads, void* data) {
    const Node& node = *static_cast<const Node*>(data);
    for (std::int64_t i = thread; i < output->ne[1]; i += threads) {
        node.loops->normalise(row(*output->src[0], i), node.bias->data(), row(*output->src[1], i),
                              node.norm->gain.data(), node.norm->shift.data(), node.epsilon,
                              static_cast<std::size_t>(output->ne[0]), row(*output, i));
    }
}

void gelu_node(ggml_tensor* output, int thread, int threads, void* data) {
    const Node& node = *static_cast<const Node*>(data);
    for (std::int64_t i = thread; i < output->ne[1]; i += threads) {
        node.loops->gelu(row(*output->src[0], i), node.bias->data(), static_cast<std::size_t>(output->ne[0]),
                         row(*output, i));
    }
}

std::size_t tile_count(const ggml_tensor& columns) {
    return (static_cast<std::size_t>(columns.ne[1]) + kWideColumns - 1) / kWideColumns;
}
std::size_t columns_of(const ggml_tensor& columns, std::size_t tile) {
    return std::min(kWideColumns, static_cast<std::size_t>(columns.ne[1]) - tile * kWideColumns);
}

/// Packs the columns of its source for the node behind it. `output` is only the order of both.
void pack_node(ggml_tensor* output, int thread, int threads, void* data) {
    const Node& node = *static_cast<const Node*>(data);
    const ggml_tensor& columns = *output->src[0];
    const auto length = static_cast<std::size_t>(columns.ne[0]);
    const std::size_t bytes = wide_columns_bytes(length);
    for (auto tile = static_cast<std::size_t>(thread); tile < tile_count(columns);
         tile += static_cast<std::size_t>(threads)) {
        pack_wide_columns(row(columns, static_cast<std::int64_t>(tile * kWideColumns)), columns_of(columns, tile),
                          length, node.columns + tile * bytes);
    }
}

void multiply_node(ggml_tensor* output, int thread, int threads, void* data) {
    const Node& node = *static_cast<const Node*>(data);
    const Linear& linear = *node.linear;
    const std::size_t groups = linear.rows / kWideRows;
    for (auto group = static_cast<std::size_t>(thread); group < groups; group += static_cast<std::size_t>(threads)) {
        for (std::size_t tile = 0; tile < tile_count(*output); ++tile) {
            multiply_wide(
                linear.packed.get() + group * wide_rows_bytes(linear.length),
                node.columns + tile * wide_columns_bytes(linear.length), columns_of(*output, tile), linear.length,
                row(*output, static_cast<std::int64_t>(tile * kWideColumns)) + group * kWideRows, linear.rows);
        }
    }
}

class MpnetEncoder final : public Encoder {
public:
    MpnetEncoder(const GgufFile& file, const EncoderOptions& options) : weights_(file, options) {
        info_.name = file.text("general.name");
        if (info_.name.empty()) info_.name = file.path().stem().string();
        info_.architecture = kMpnet;
        info_.content_hash = options.content_hash.empty() ? sha256_file(file.path()) : options.content_hash;
        info_.dimension = weights_.shape().width;
        info_.most_tokens = weights_.shape().most_tokens;
        info_.arithmetic = weights_.is_packed() ? Arithmetic::Packed : Arithmetic::Engine;
        read_tokenizer(file);
    }

    const EncoderInfo& info() const override { return info_; }

    std::vector<Token> tokenize(std::string_view text) const override {
        std::vector<Token> tokens = pieces_.tokenize(text, info_.most_tokens);
        tokens.resize(std::min(tokens.size(), info_.most_tokens - 2));
        tokens.insert(tokens.begin(), begin_);
        tokens.push_back(end_);
        return tokens;
    }

private:
    class MpnetPass;
    std::unique_ptr<Pass> new_pass(std::size_t tokens, std::size_t texts, int threads) const override;

    void read_tokenizer(const GgufFile& file) {
        constexpr std::int32_t kNormal = 1;
        constexpr std::string_view kWordBegins = "\xE2\x96\x81";
        if (file.text("tokenizer.ggml.model") != "bert") file.fail("its tokenizer is not BERT's");
        const std::vector<std::string> tokens = file.texts("tokenizer.ggml.tokens");
        const std::vector<std::int32_t> types = file.integers("tokenizer.ggml.token_type");
        if (types.size() != tokens.size()) file.fail("it has more or less types of tokens than tokens");
        for (std::size_t id = 0; id < tokens.size(); ++id) {
            if (types[id] != kNormal) continue;
            const bool begins = tokens[id].starts_with(kWordBegins);
            pieces_.add(begins ? tokens[id].substr(kWordBegins.size()) : tokens[id], !begins, static_cast<Token>(id));
        }
        const auto special = [&](const std::string& name) {
            const std::int64_t id = file.whole("tokenizer.ggml." + name + "_token_id");
            if (id >= static_cast<std::int64_t>(tokens.size()))
                file.fail("its special tokens are not in its vocabulary");
            return static_cast<Token>(id);
        };
        begin_ = special("bos");
        end_ = special("eos");
        pieces_.set_unknown(special("unknown"));
    }

    EncoderInfo info_;
    Weights weights_;
    WordPiece pieces_;
    Token begin_ = 0, end_ = 0;
};

class MpnetEncoder::MpnetPass final : public Pass {
public:
    MpnetPass(const Weights& weights, std::size_t tokens, int threads)
        : weights_(weights),
          loops_(encoder_loops()),
          threads_(threads),
          backend_(ggml_backend_cpu_init()),
          allocator_(ggml_gallocr_new(ggml_backend_cpu_buffer_type())) {
        if (!backend_ || !allocator_) throw error(ErrorKind::Model, "the engine has no memory for a batch");
        const Shape& shape = weights_.shape();
        attention_.heads = shape.heads;
        attention_.length = shape.width / shape.heads;
        attention_.distances = weights_.distances().data();
        attention_.reach = shape.most_tokens;
        attention_.distance_stride = weights_.distances().size() / shape.heads;
        if (weights_.is_packed()) {
            const std::size_t tiles = (tokens + kWideColumns - 1) / kWideColumns;
            columns_ = packed_memory(tiles * wide_columns_bytes(std::max(shape.width, shape.hidden)));
        }
        const Graph graph = build(tokens);
        if (!ggml_gallocr_reserve(allocator_.get(), graph.graph)) {
            throw error(ErrorKind::Model, "the engine has no memory for batches of {} tokens", tokens);
        }
    }

    void compute(std::span<const std::vector<Token>* const> texts, std::span<float* const> outputs) override {
        begins_.assign(1, 0);
        for (const std::vector<Token>* text : texts) begins_.push_back(begins_.back() + text->size());
        attention_.begins = begins_.data();
        attention_.texts = texts.size();
        const Graph graph = build(begins_.back());
        if (!ggml_gallocr_alloc_graph(allocator_.get(), graph.graph)) {
            throw error(ErrorKind::Model, "the engine has no memory for a batch of {} tokens", begins_.back());
        }
        for (std::size_t i = 0; i < texts.size(); ++i) {
            for (std::size_t position = 0; position < texts[i]->size(); ++position) {
                const auto at = static_cast<std::int64_t>(begins_[i] + position);
                weights_.embed((*texts[i])[position], position, loops_, row(*graph.input, at));
            }
        }
        ggml_backend_cpu_set_n_threads(backend_.get(), std::max(1, threads_ - mind_the_crowd()));
        if (ggml_backend_graph_compute(backend_.get(), graph.graph) != GGML_STATUS_SUCCESS) {
            throw error(ErrorKind::Model, "the engine cannot compute a batch: {}", last_engine_error());
        }
        for (std::size_t i = 0; i < texts.size(); ++i) take_mean(*graph.output, i, outputs[i]);
    }

private:
    struct Graph {
        std::unique_ptr<ggml_context, FreeContext> context;
        ggml_cgraph* graph = nullptr;
        ggml_tensor* input = nullptr;
        ggml_tensor* output = nullptr;
    };

    Graph build(std::size_t tokens) {
        constexpr std::size_t kLayerNodes = 12;
        const std::size_t nodes = 2 * (kLayerNodes * weights_.layers().size() + 2);
        nodes_.clear();
        nodes_.reserve(nodes);  // ggml holds pointers to them
        Graph built;
        built.context.reset(
            ggml_init({nodes * ggml_tensor_overhead() + ggml_graph_overhead_custom(nodes, false), nullptr, true}));
        ggml_context* context = built.context.get();
        const auto columns = static_cast<std::int64_t>(tokens);
        built.input =
            ggml_new_tensor_2d(context, GGML_TYPE_F32, static_cast<std::int64_t>(weights_.shape().width), columns);
        ggml_set_input(built.input);
        ggml_tensor* x = built.input;
        const auto own = [&](ggml_custom_op_t operation, std::vector<ggml_tensor*> sources, std::int64_t width,
                             Node node) {
            node.loops = &loops_;
            node.epsilon = weights_.shape().epsilon;
            node.columns = columns_.get();
            nodes_.push_back(node);
            return ggml_custom_4d(context, GGML_TYPE_F32, width, columns, 1, 1, sources.data(),
                                  static_cast<int>(sources.size()), operation, GGML_N_TASKS_MAX, &nodes_.back());
        };
        const auto product = [&](const Linear& linear, ggml_tensor* of) {
            if (!linear.packed) return ggml_mul_mat(context, linear.matrix, of);
            ggml_tensor* packed = own(pack_node, {of}, 1, {});
            return own(multiply_node, {packed}, static_cast<std::int64_t>(linear.rows), {.linear = &linear});
        };
        for (const Layer& layer : weights_.layers()) {
            ggml_tensor* joint = product(layer.joint, x);
            ggml_tensor* attended =
                own(attend_node, {joint}, x->ne[0], {.bias = &layer.joint.bias, .attention = &attention_});
            ggml_tensor* added = product(layer.output, attended);
            x = own(normalise_node, {added, x}, x->ne[0], {.norm = &layer.attention_norm, .bias = &layer.output.bias});
            ggml_tensor* up = product(layer.up, x);
            ggml_tensor* hidden = own(gelu_node, {up}, up->ne[0], {.bias = &layer.up.bias});
            ggml_tensor* down = product(layer.down, hidden);
            x = own(normalise_node, {down, x}, x->ne[0], {.norm = &layer.output_norm, .bias = &layer.down.bias});
        }
        built.output = x;
        ggml_set_output(x);
        built.graph = ggml_new_graph_custom(context, nodes, false);
        ggml_build_forward_expand(built.graph, x);
        return built;
    }

    void take_mean(const ggml_tensor& rows, std::size_t text, float* output) const {
        const auto width = static_cast<std::size_t>(rows.ne[0]);
        const std::size_t begin = begins_[text];
        const std::size_t end = begins_[text + 1];
        std::fill_n(output, width, 0.0F);
        for (std::size_t i = begin; i < end; ++i) {
            const float* numbers = row(rows, static_cast<std::int64_t>(i));
            for (std::size_t d = 0; d < width; ++d) output[d] += numbers[d];
        }
        for (std::size_t d = 0; d < width; ++d) output[d] /= static_cast<float>(end - begin);
    }

    const Weights& weights_;
    const EncoderLoops& loops_;
    int threads_;
    std::unique_ptr<ggml_backend, FreeBackend> backend_;
    std::unique_ptr<ggml_gallocr, FreeAllocator> allocator_;
    std::vector<std::size_t> begins_;  // of texts among the rows
    TextAttention attention_;
    Packed columns_;  // of the product that is due
    std::vector<Node> nodes_;
};

std::unique_ptr<Encoder::Pass> MpnetEncoder::new_pass(std::size_t tokens, std::size_t, int threads) const {
    return std::make_unique<MpnetPass>(weights_, tokens, threads);
}

}  // namespace

std::size_t distance_bucket(std::ptrdiff_t distance, std::size_t buckets) {
    // In f32, as the model was trained: where a logarithm is nearly whole its rounding decides.
    constexpr float kFarthest = 128;
    const std::size_t half = buckets / 2;
    const std::size_t exact = half / 2;
    const std::size_t side = distance > 0 ? half : 0;
    const auto away = static_cast<std::size_t>(std::abs(distance));
    if (away < exact) return side + away;
    const float steps = std::log(static_cast<float>(away) / static_cast<float>(exact)) /
                        std::log(kFarthest / static_cast<float>(exact)) * static_cast<float>(half - exact);
    return side + std::min(half - 1, exact + static_cast<std::size_t>(steps));
}

std::shared_ptr<const Encoder> load_mpnet_encoder(const GgufFile& file, const EncoderOptions& options) {
    return std::make_shared<MpnetEncoder>(file, options);
}

}  // namespace urial::engine

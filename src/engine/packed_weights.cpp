#include "engine/packed_weights.h"

#ifdef URIAL_PACKED_WEIGHTS

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <traits.h>  // ggml-cpu's own interface for further buffer types

#include "engine/mapped_file.h"
#include "engine/own_operations.h"
#include "engine/packed_product.h"

namespace urial::engine {
namespace {

/// What the models that this thread loads may use. Without it a loader (which asks with an empty buffer) gets nothing,
/// and only tensors that lie in one of the buffers already are supported.
thread_local std::optional<Arithmetic> loading;

std::optional<PackedFormat> format_of(const ggml_tensor& tensor) {
    if (ggml_n_dims(&tensor) != 2 || tensor.ne[1] % static_cast<std::int64_t>(kPairRows) != 0) return std::nullopt;
    switch (tensor.type) {  // rows are whole blocks in every format
        case GGML_TYPE_Q8_0: return PackedFormat::Q8;
        case GGML_TYPE_Q5_0: return PackedFormat::Q5;
        case GGML_TYPE_Q4_K: return PackedFormat::Q4K;
        case GGML_TYPE_Q6_K: return PackedFormat::Q6K;
        default: return std::nullopt;
    }
}

/// The quantised matrices that the loader asked about meanwhile, by name, and whether they can be packed.
thread_local std::map<std::string, bool> asked_matrices;

void note_matrix(const ggml_tensor& op, Arithmetic arithmetic) {
    const bool multiplies = op.op == GGML_OP_MUL_MAT || op.op == GGML_OP_MUL_MAT_ID;
    if (loading != arithmetic || !multiplies || !ggml_is_quantized(op.src[0]->type)) return;
    asked_matrices[op.src[0]->name] = op.op == GGML_OP_MUL_MAT && format_of(*op.src[0]);
}

/// The product of packed weights (src[0]) and float columns (src[1]).
class Product final : public ggml::cpu::tensor_traits {
public:
    Product(const PackedProduct& kernel, ColumnBits bits) : kernel_(kernel), bits_(bits) {}

    bool work_size(int, const ggml_tensor* op, std::size_t& size) override {
        if (op->op != GGML_OP_MUL_MAT) return false;
        size = tiles(*op) * tile_bytes(*op);
        return true;
    }

    bool compute_forward(ggml_compute_params* params, ggml_tensor* op) override {
        if (op->op != GGML_OP_MUL_MAT) return false;
        GGML_ASSERT(op->src[1]->nb[0] == sizeof(float));  // the numbers of a column are neighbours
        auto* packed = static_cast<std::uint8_t*>(params->wdata);
        const auto threads = static_cast<std::size_t>(params->nth);
        for (auto tile = static_cast<std::size_t>(params->ith); tile < tiles(*op); tile += threads) {
            pack_columns(*op, tile, packed);
        }
        if (params->ith == 0) ggml_threadpool_chunk_set(params->threadpool, params->nth);
        ggml_barrier(params->threadpool);
        const std::size_t pairs = pairs_of(*op);
        const std::size_t chunks = std::min(pairs, threads * kChunksPerThread);
        for (auto chunk = static_cast<std::size_t>(params->ith); chunk < chunks;
             chunk = static_cast<std::size_t>(ggml_threadpool_chunk_add(params->threadpool, 1))) {
            for (std::size_t pair = pairs * chunk / chunks; pair < pairs * (chunk + 1) / chunks; ++pair)
                multiply_pair(*op, pair, packed);
        }
        return true;
    }

private:
    static constexpr std::size_t kChunksPerThread = 8;

    static std::size_t length(const ggml_tensor& op) { return static_cast<std::size_t>(op.src[0]->ne[0]); }
    static std::size_t pairs_of(const ggml_tensor& op) {
        return static_cast<std::size_t>(op.src[0]->ne[1]) / kPairRows;
    }
    static std::size_t columns(const ggml_tensor& op) { return static_cast<std::size_t>(ggml_nrows(op.src[1])); }
    static std::size_t tiles(const ggml_tensor& op) { return (columns(op) + kTileColumns - 1) / kTileColumns; }
    std::size_t tile_bytes(const ggml_tensor& op) const {
        return kernel_.tile_bytes(*format_of(*op.src[0]), bits_, length(op));
    }

    /// Where column `index` of a tensor of columns begins.
    static char* column(const ggml_tensor& tensor, std::size_t index) {
        const auto second = static_cast<std::size_t>(tensor.ne[1]);
        const auto third = static_cast<std::size_t>(tensor.ne[2]);
        return static_cast<char*>(tensor.data) + index % second * tensor.nb[1] + index / second % third * tensor.nb[2] +
               index / second / third * tensor.nb[3];
    }

    static std::size_t count(const ggml_tensor& op, std::size_t tile) {
        return std::min(kTileColumns, columns(op) - tile * kTileColumns);
    }

    void pack_columns(const ggml_tensor& op, std::size_t tile, std::uint8_t* packed) const {
        std::array<const float*, kTileColumns> inputs{};
        for (std::size_t c = 0; c < count(op, tile); ++c) {
            inputs[c] = reinterpret_cast<const float*>(column(*op.src[1], tile * kTileColumns + c));
        }
        kernel_.pack_tile(*format_of(*op.src[0]), bits_, inputs.data(), count(op, tile), length(op),
                          packed + tile * tile_bytes(op));
    }

    void multiply_pair(const ggml_tensor& op, std::size_t pair, const std::uint8_t* packed) const {
        const PackedFormat format = *format_of(*op.src[0]);
        const std::size_t bytes = packed_bytes(format, kPairRows, length(op));
        const auto* weights = static_cast<const std::uint8_t*>(op.src[0]->data) + pair * bytes;
        const std::uint8_t* next = pair + 1 < pairs_of(op) ? weights + bytes : nullptr;
        std::array<float*, kTileColumns> outputs{};
        for (std::size_t tile = 0; tile < tiles(op); ++tile) {
            for (std::size_t c = 0; c < count(op, tile); ++c) {
                outputs[c] = reinterpret_cast<float*>(column(op, tile * kTileColumns + c)) + pair * kPairRows;
            }
            kernel_.multiply(format, bits_, weights, packed + tile * tile_bytes(op), count(op, tile), length(op),
                             tile == 0 ? next : nullptr, outputs.data());
        }
    }

    const PackedProduct& kernel_;
    ColumnBits bits_;
};

struct PackedType : ggml::cpu::extra_buffer_type {
    PackedType(Arithmetic from, const PackedProduct& kernel, ColumnBits bits)
        : arithmetic(from), product(kernel, bits) {}

    bool supports_op(ggml_backend_dev_t, const ggml_tensor* op) override {
        const ggml_tensor* weights = op->src[0];
        note_matrix(*op, arithmetic);
        return op->op == GGML_OP_MUL_MAT && is_here(weights) && format_of(*weights) &&
               op->src[1]->type == GGML_TYPE_F32 && op->src[1]->nb[0] == sizeof(float) &&
               (op->src[1]->buffer == nullptr || ggml_backend_buft_is_host(op->src[1]->buffer->buft)) &&
               (loading ? *loading == arithmetic : weights->buffer->size > 0);
    }

    ggml::cpu::tensor_traits* get_tensor_traits(const ggml_tensor* op) override {
        if (ggml::cpu::tensor_traits* operation = own_operation(*op)) return operation;
        return op->op == GGML_OP_MUL_MAT && is_here(op->src[0]) ? &product : nullptr;
    }

    bool is_here(const ggml_tensor* tensor) const {
        return tensor->buffer != nullptr && tensor->buffer->buft->context == this;
    }

    Arithmetic arithmetic;
    Product product;
};

constexpr std::size_t kPieceRows = 16384;

ggml_status init_tensor(ggml_backend_buffer_t, ggml_tensor*) { return GGML_STATUS_SUCCESS; }

void set_tensor(ggml_backend_buffer_t, ggml_tensor* tensor, const void* data, std::size_t offset, std::size_t size) {
    GGML_ASSERT(offset == 0 && size == ggml_nbytes(tensor));  // the loader sets whole tensors
    const auto length = static_cast<std::size_t>(tensor->ne[0]);
    const auto rows = static_cast<std::size_t>(tensor->ne[1]);
    const PackedFormat format = *format_of(*tensor);
    const auto* from = static_cast<const std::uint8_t*>(data);
    auto* to = static_cast<std::uint8_t*>(tensor->data);
    // In pieces, so that the file's pages and the packed ones are never all there at the same time.
    for (std::size_t row = 0; row < rows; row += kPieceRows) {
        const std::size_t count = std::min(kPieceRows, rows - row);
        const std::size_t bytes = size / rows * count;
        pack(format, from, count, length, to, static_cast<int>(std::thread::hardware_concurrency()));
        release_file_pages(from, bytes);
        from += bytes;
        to += packed_bytes(format, count, length);
    }
}

ggml_backend_buffer_t new_buffer(ggml_backend_buffer_type_t type, std::size_t size) {
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
    if (buffer == nullptr) return nullptr;
    buffer->buft = type;
    buffer->iface.init_tensor = init_tensor;
    buffer->iface.set_tensor = set_tensor;
    buffer->iface.get_tensor = nullptr;
    buffer->iface.cpy_tensor = nullptr;
    return buffer;
}

std::size_t alloc_size(ggml_backend_buffer_type_t, const ggml_tensor* tensor) {
    const std::optional<PackedFormat> format = format_of(*tensor);
    if (!format) return ggml_nbytes(tensor);
    return packed_bytes(*format, static_cast<std::size_t>(tensor->ne[1]), static_cast<std::size_t>(tensor->ne[0]));
}

constexpr std::size_t kAlignment = 64;

/// Buffer types live as long as the process, as ggml's own do.
ggml_backend_buffer_type* new_type(Arithmetic arithmetic, const PackedProduct& kernel, ColumnBits bits) {
    auto* type = new ggml_backend_buffer_type{};
    type->iface.get_name = [](ggml_backend_buffer_type_t) { return "CPU_URIAL"; };
    type->iface.alloc_buffer = new_buffer;
    type->iface.get_alignment = [](ggml_backend_buffer_type_t) { return kAlignment; };
    type->iface.get_alloc_size = alloc_size;
    type->device = ggml_backend_reg_dev_get(ggml_backend_cpu_reg(), 0);
    type->context = new PackedType(arithmetic, kernel, bits);
    return type;
}

}  // namespace

bool packed_weights_available() {
    // Held here too: ggml's list ends before the process does.
    static const std::array<ggml_backend_buffer_type*, 2> types = [] {
        std::array<ggml_backend_buffer_type*, 2> made{};
        const PackedProduct* kernel = packed_product(cpu_level());
        if (kernel == nullptr) return made;
        made = {new_type(Arithmetic::Packed, *kernel, ColumnBits::Eight),
                new_type(Arithmetic::PackedPrecise, *kernel, ColumnBits::Sixteen)};
        auto& all = ggml_backend_cpu_get_extra_buffer_types();
        all.insert(all.begin(), made.begin(), made.end());
        return made;
    }();
    return types.front() != nullptr;
}

PackedLoading::PackedLoading(Arithmetic arithmetic) {
    loading = arithmetic;
    asked_matrices.clear();
}
PackedLoading::~PackedLoading() { loading.reset(); }

PackedLoading::Matrices PackedLoading::matrices() const {
    const auto packed = std::ranges::count_if(asked_matrices, [](const auto& matrix) { return matrix.second; });
    return {asked_matrices.size(), static_cast<std::size_t>(packed)};
}

}  // namespace urial::engine

#else

namespace urial::engine {

bool packed_weights_available() { return false; }
PackedLoading::PackedLoading(Arithmetic) {}
PackedLoading::~PackedLoading() = default;
PackedLoading::Matrices PackedLoading::matrices() const { return {}; }

}  // namespace urial::engine

#endif

#include "engine/packed_weights.h"

#ifdef URIAL_PACKED_WEIGHTS

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <traits.h>  // ggml-cpu's own interface for further buffer types

#include "engine/attention.h"
#include "engine/gated_gelu.h"
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
    explicit Product(ColumnBits bits) : bits_(bits) {}

    bool work_size(int, const ggml_tensor* op, std::size_t& size) override {
        if (op->op != GGML_OP_MUL_MAT) return false;
        size = tiles(*op) * tile_bytes(length(*op), bits_);
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
        pack_tile(*format_of(*op.src[0]), bits_, inputs.data(), count(op, tile), length(op),
                  packed + tile * tile_bytes(length(op), bits_));
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
            multiply(format, bits_, weights, packed + tile * tile_bytes(length(op), bits_), count(op, tile), length(op),
                     tile == 0 ? next : nullptr, outputs.data());
        }
    }

    ColumnBits bits_;
};

template <class Number>
Number parameter(const ggml_tensor& op, std::size_t index) {
    Number number{};
    std::memcpy(&number, op.op_params + index, sizeof number);
    return number;
}

/// What a marked node's `extra` points to: who computes it. ggml's CPU routines make no use of it.
class Operation : public ggml::cpu::tensor_traits {
public:
    bool work_size(int, const ggml_tensor*, std::size_t& size) override {
        size = 0;
        return true;
    }
};

class Attention final : public Operation {
public:
    bool compute_forward(ggml_compute_params* params, ggml_tensor* op) override {
        const ggml_tensor& queries = *op->src[0];
        const ggml_tensor& keys = *op->src[1];
        const ggml_tensor& values = *op->src[2];
        const ggml_tensor& mask = *op->src[3];
        AttentionTask task;
        task.rows = static_cast<std::size_t>(queries.ne[1]);
        task.cells = static_cast<std::size_t>(keys.ne[1]);
        task.heads = static_cast<std::size_t>(queries.ne[2]);
        task.groups = static_cast<std::size_t>(keys.ne[2]);
        task.length = static_cast<std::size_t>(queries.ne[0]);
        task.f32_cells = keys.type == GGML_TYPE_F32;
        task.scale = parameter<float>(*op, 0);
        task.queries = static_cast<const char*>(queries.data);
        task.query_row = queries.nb[1];
        task.query_head = queries.nb[2];
        task.keys = static_cast<const char*>(keys.data);
        task.key_cell = keys.nb[1];
        task.key_group = keys.nb[2];
        task.values = static_cast<const char*>(values.data);
        task.value_cell = values.nb[1];
        task.value_group = values.nb[2];
        task.mask = static_cast<const char*>(mask.data);
        task.mask_row = mask.nb[1];
        task.output = static_cast<char*>(op->data);
        task.output_row = op->nb[2];
        task.output_head = op->nb[1];
        attend(task, static_cast<std::size_t>(params->ith), static_cast<std::size_t>(params->nth));
        return true;
    }

    static bool computes(const ggml_tensor& op) {
        if (op.op != GGML_OP_FLASH_ATTN_EXT || op.src[3] == nullptr || op.src[4] != nullptr) return false;
        const ggml_tensor& queries = *op.src[0];
        const ggml_tensor& keys = *uncast(op.src[1]);
        const ggml_tensor& values = *uncast(op.src[2]);
        const bool plain = parameter<float>(op, 1) == 0 && parameter<float>(op, 2) == 0;  // no ALiBi, no cap of scores
        return plain && queries.type == GGML_TYPE_F32 && op.src[3]->type == GGML_TYPE_F16 &&
               (keys.type == GGML_TYPE_F32 || (keys.type == GGML_TYPE_F16 && queries.ne[1] >= kFewestRows)) &&
               values.type == keys.type && queries.ne[3] == 1 && queries.ne[0] % 16 == 0 &&
               keys.ne[0] == queries.ne[0] && values.ne[0] == queries.ne[0] && values.ne[2] == keys.ne[2] &&
               op.src[3]->ne[2] == 1 && is_dense(queries) && is_dense(keys) && is_dense(values) && is_dense(op);
    }

    /// The keys or values as they are in the cache. The engine casts f32 ones to f16 first, for ggml's routine.
    static ggml_tensor* uncast(ggml_tensor* numbers) {
        const bool cast = numbers->op == GGML_OP_CPY && numbers->type == GGML_TYPE_F16 &&
                          numbers->src[0]->type == GGML_TYPE_F32 && ggml_are_same_shape(numbers, numbers->src[0]);
        return cast ? numbers->src[0] : numbers;
    }

private:
    /// Of one row ggml divides the cells among the threads.
    static constexpr std::int64_t kFewestRows = 2;

    static bool is_dense(const ggml_tensor& tensor) { return tensor.nb[0] == ggml_type_size(tensor.type); }
};

class GatedGelu final : public Operation {
public:
    bool compute_forward(ggml_compute_params* params, ggml_tensor* op) override {
        const auto row = [](const ggml_tensor& tensor, std::int64_t index) {
            return reinterpret_cast<float*>(static_cast<char*>(tensor.data) +
                                            static_cast<std::size_t>(index) * tensor.nb[1]);
        };
        for (std::int64_t i = params->ith; i < op->ne[1]; i += params->nth) {
            gated_gelu(row(*op->src[0], i), row(*op->src[1], i), row(*op, i), static_cast<std::size_t>(op->ne[0]));
        }
        return true;
    }

    static bool computes(const ggml_tensor& op) {
        if (op.op != GGML_OP_GLU || parameter<std::int32_t>(op, 0) != GGML_GLU_OP_GEGLU || op.src[1] == nullptr)
            return false;
        const auto fits = [](const ggml_tensor& tensor) {
            return tensor.type == GGML_TYPE_F32 && tensor.nb[0] == sizeof(float) && ggml_is_matrix(&tensor);
        };
        return fits(*op.src[0]) && fits(*op.src[1]) && fits(op);
    }
};

/// A cast whose result nobody reads any more.
class Nothing final : public Operation {
public:
    bool compute_forward(ggml_compute_params*, ggml_tensor*) override { return true; }
};

Attention attention;
GatedGelu gated_gelu_of_rows;
Nothing nothing;
const std::array<Operation*, 3> operations{&attention, &gated_gelu_of_rows, &nothing};

struct PackedType : ggml::cpu::extra_buffer_type {
    PackedType(Arithmetic from, ColumnBits bits) : arithmetic(from), product(bits) {}

    bool supports_op(ggml_backend_dev_t, const ggml_tensor* op) override {
        const ggml_tensor* weights = op->src[0];
        note_matrix(*op, arithmetic);
        return op->op == GGML_OP_MUL_MAT && is_here(weights) && format_of(*weights) &&
               op->src[1]->type == GGML_TYPE_F32 && op->src[1]->nb[0] == sizeof(float) &&
               (op->src[1]->buffer == nullptr || ggml_backend_buft_is_host(op->src[1]->buffer->buft)) &&
               (loading ? *loading == arithmetic : weights->buffer->size > 0);
    }

    ggml::cpu::tensor_traits* get_tensor_traits(const ggml_tensor* op) override {
        for (Operation* operation : operations) {
            if (op->extra == operation) return operation;
        }
        return op->op == GGML_OP_MUL_MAT && is_here(op->src[0]) ? &product : nullptr;
    }

    bool is_here(const ggml_tensor* tensor) const {
        return tensor->buffer != nullptr && tensor->buffer->buft->context == this;
    }

    Arithmetic arithmetic;
    Product product;
};

struct Mapping {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::uint64_t inode = 0;  ///< 0: not of a file
};

/// Shared ones only, as the engine maps models: a private mapping may hold changes that no file has.
std::vector<Mapping> shared_mappings() {
    std::vector<Mapping> found;
    std::ifstream lines("/proc/self/maps");
    for (std::string line; std::getline(lines, line);) {
        Mapping mapping;
        char rights[5] = "";
        if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %lu", &mapping.begin, &mapping.end, rights,
                        &mapping.inode) == 4 &&
            rights[3] == 's') {
            found.push_back(mapping);
        }
    }
    return found;
}

/// Pages of a mapped file stop counting as this process's memory. They stay in the page cache, and are simply mapped
/// again where something does need them. Only for files: memory of another kind would lose its content.
void release(std::uintptr_t begin, std::uintptr_t end) {
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

/// The whole pages of `data`, where it lies in a mapped file.
void release_file_pages(const void* data, std::size_t size) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<std::uintptr_t>(data) + page - 1) / page * page;
    const auto end = (reinterpret_cast<std::uintptr_t>(data) + size) / page * page;
    for (const Mapping& mapping : shared_mappings()) {
        if (mapping.inode != 0 && mapping.begin <= begin && end <= mapping.end) release(begin, end);
    }
}

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
ggml_backend_buffer_type* new_type(Arithmetic arithmetic, ColumnBits bits) {
    auto* type = new ggml_backend_buffer_type{};
    type->iface.get_name = [](ggml_backend_buffer_type_t) { return "CPU_URIAL"; };
    type->iface.alloc_buffer = new_buffer;
    type->iface.get_alignment = [](ggml_backend_buffer_type_t) { return kAlignment; };
    type->iface.get_alloc_size = alloc_size;
    type->device = ggml_backend_reg_dev_get(ggml_backend_cpu_reg(), 0);
    type->context = new PackedType(arithmetic, bits);
    return type;
}

}  // namespace

bool packed_weights_available() {
    // Held here too: ggml's list ends before the process does.
    static const std::array<ggml_backend_buffer_type*, 2> types = [] {
        std::array<ggml_backend_buffer_type*, 2> made{};
        if (!packed_product_runs_here()) return made;
        made = {new_type(Arithmetic::Packed, ColumnBits::Eight),
                new_type(Arithmetic::PackedPrecise, ColumnBits::Sixteen)};
        auto& all = ggml_backend_cpu_get_extra_buffer_types();
        all.insert(all.begin(), made.begin(), made.end());
        return made;
    }();
    return types.front() != nullptr;
}

void take_over(ggml_tensor* node) {
    const auto is_within_reach = [&] {
        return packed_weights_available() && node->buffer != nullptr && ggml_backend_buffer_is_host(node->buffer);
    };
    if (GatedGelu::computes(*node) && gated_gelu_runs_here() && is_within_reach()) {
        node->extra = &gated_gelu_of_rows;
    } else if (Attention::computes(*node) && attention_runs_here() && is_within_reach()) {
        node->extra = &attention;
        for (const int source : {1, 2}) {
            ggml_tensor* const cast = node->src[source];
            node->src[source] = Attention::uncast(cast);
            if (node->src[source] != cast) cast->extra = &nothing;
        }
    }
}

void release_mapped_file(const std::filesystem::path& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return;
    for (const Mapping& mapping : shared_mappings()) {
        if (mapping.inode == status.st_ino) release(mapping.begin, mapping.end);
    }
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
void take_over(ggml_tensor*) {}
void release_mapped_file(const std::filesystem::path&) {}
PackedLoading::PackedLoading(Arithmetic) {}
PackedLoading::~PackedLoading() = default;
PackedLoading::Matrices PackedLoading::matrices() const { return {}; }

}  // namespace urial::engine

#endif

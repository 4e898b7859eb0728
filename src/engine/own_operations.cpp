#include "engine/own_operations.h"

#ifdef URIAL_PACKED_WEIGHTS

#include <array>
#include <cstdint>
#include <cstring>

#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <traits.h>  // ggml-cpu's own interface for further buffer types

#include "engine/attention.h"
#include "engine/gated_gelu.h"
#include "engine/packed_weights.h"

namespace urial::engine {
namespace {

template <class Number>
Number parameter(const ggml_tensor& op, std::size_t index) {
    Number number{};
    std::memcpy(&number, op.op_params + index, sizeof number);
    return number;
}

Attend attention_kernel() {
    static const Attend kernel = attention(cpu_level());
    return kernel;
}

GatedGelu gated_gelu_kernel() {
    static const GatedGelu kernel = gated_gelu(cpu_level());
    return kernel;
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
        (*attention_kernel())(task, static_cast<std::size_t>(params->ith), static_cast<std::size_t>(params->nth));
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

class GatedGeluOfRows final : public Operation {
public:
    bool compute_forward(ggml_compute_params* params, ggml_tensor* op) override {
        const auto row = [](const ggml_tensor& tensor, std::int64_t index) {
            return reinterpret_cast<float*>(static_cast<char*>(tensor.data) +
                                            static_cast<std::size_t>(index) * tensor.nb[1]);
        };
        for (std::int64_t i = params->ith; i < op->ne[1]; i += params->nth) {
            (*gated_gelu_kernel())(row(*op->src[0], i), row(*op->src[1], i), row(*op, i),
                                   static_cast<std::size_t>(op->ne[0]));
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

Attention attention_of_rows;
GatedGeluOfRows gated_gelu_of_rows;
Nothing nothing;
const std::array<Operation*, 3> operations{&attention_of_rows, &gated_gelu_of_rows, &nothing};

}  // namespace

ggml::cpu::tensor_traits* own_operation(const ggml_tensor& node) {
    for (Operation* operation : operations) {
        if (node.extra == operation) return operation;
    }
    return nullptr;
}

void take_over(ggml_tensor* node) {
    const auto is_within_reach = [&] {
        return packed_weights_available() && node->buffer != nullptr && ggml_backend_buffer_is_host(node->buffer);
    };
    if (GatedGeluOfRows::computes(*node) && gated_gelu_kernel() != nullptr && is_within_reach()) {
        node->extra = &gated_gelu_of_rows;
    } else if (Attention::computes(*node) && attention_kernel() != nullptr && is_within_reach()) {
        node->extra = &attention_of_rows;
        for (const int source : {1, 2}) {
            ggml_tensor* const cast = node->src[source];
            node->src[source] = Attention::uncast(cast);
            if (node->src[source] != cast) cast->extra = &nothing;
        }
    }
}

}  // namespace urial::engine

#else

namespace urial::engine {

void take_over(ggml_tensor*) {}

}  // namespace urial::engine

#endif

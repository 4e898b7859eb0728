#include "engine/device_products.h"

#include <ggml.h>

namespace urial::engine {

bool device_products_available() {
#ifdef URIAL_ENGINE_KEEPS_F32
    return true;
#else
    return false;
#endif
}

void keep_f32(ggml_tensor* node) {
    if (node->op != GGML_OP_MUL_MAT) return;
    constexpr int kColumns = 1;  // the second factor; the first, the weights, is what its type says
    ggml_prec_set_acc(node, GGML_PREC_F32);
    ggml_prec_set_src(node, GGML_PREC_F32, kColumns);
}

}  // namespace urial::engine

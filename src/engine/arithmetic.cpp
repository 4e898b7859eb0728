#include <algorithm>
#include <array>

#include "engine/backend.h"
#include "engine/device_products.h"
#include "engine/engine.h"
#include "engine/packed_weights.h"

namespace urial::engine {
namespace {

bool anywhere() { return true; }

bool where_packed_weights_are() {
    start_backend();
    return packed_weights_available();
}

bool where_products_keep_f32() {
    if (!device_products_available()) return false;
    const std::vector<Device> present = devices();
    return std::ranges::find(present, kCudaLibrary, &Device::library) != present.end();
}

constexpr std::array kArithmetics{
    ArithmeticTraits{Arithmetic::Engine, "engine", 1, false, false, false, anywhere},
    ArithmeticTraits{Arithmetic::Packed, "packed", 1, true, false, false, where_packed_weights_are},
    ArithmeticTraits{Arithmetic::PackedPrecise, "precise", 1, true, false, true, where_packed_weights_are},
    ArithmeticTraits{Arithmetic::Float32, "f32", 1, false, true, true, where_products_keep_f32}};

/// Fewer rows gain nothing from packed weights, and one row is meant to be equal to llama.cpp's.
constexpr int kFewestRowsForPacked = 4;

}  // namespace

std::span<const ArithmeticTraits> arithmetics() { return kArithmetics; }

const ArithmeticTraits& traits(Arithmetic arithmetic) {
    return *std::ranges::find(kArithmetics, arithmetic, &ArithmeticTraits::arithmetic);
}

Arithmetic arithmetic_for(Purpose purpose, int rows) {
    Arithmetic best = Arithmetic::Engine;
    if (purpose == Purpose::Precise)
        best = Arithmetic::PackedPrecise;
    else if (rows >= kFewestRowsForPacked)
        best = Arithmetic::Packed;
    return traits(best).runs_here() ? best : Arithmetic::Engine;
}

Arithmetic gpu_arithmetic_for(Purpose purpose) {
    const bool keeps_f32 = purpose == Purpose::Precise && traits(Arithmetic::Float32).runs_here();
    return keeps_f32 ? Arithmetic::Float32 : Arithmetic::Engine;
}

}  // namespace urial::engine

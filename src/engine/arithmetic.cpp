#include <algorithm>
#include <array>

#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/packed_weights.h"

namespace urial::engine {
namespace {

bool anywhere() { return true; }

bool where_packed_weights_are() {
    start_backend();
    return packed_weights_available();
}

constexpr std::array kArithmetics{
    ArithmeticTraits{Arithmetic::Engine, "engine", 1, false, false, anywhere},
    ArithmeticTraits{Arithmetic::Packed, "packed", 1, true, false, where_packed_weights_are},
    ArithmeticTraits{Arithmetic::PackedPrecise, "precise", 1, true, true, where_packed_weights_are}};

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

}  // namespace urial::engine

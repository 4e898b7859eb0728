// The loops in the compiler's own vectors of four floats: SSE2, NEON or whatever the processor has at the least.

#include <cstring>

#include "logits/loop_code.h"

namespace urial::logits {
namespace {

struct Portable {
    using Floats = float __attribute__((vector_size(16)));
    using Mask = std::int32_t __attribute__((vector_size(16)));  // all bits set or none
    using Unsigned = std::uint32_t __attribute__((vector_size(16)));
    using Counts = Mask;
    using Pair = double __attribute__((vector_size(16)));
    struct Doubles {
        Pair low, high;
    };
    static constexpr std::size_t kWidth = 4;

    static Floats all(float x) { return Floats{x, x, x, x}; }
    static Floats load(const float* from) {
        Floats result;
        std::memcpy(&result, from, sizeof(result));
        return result;
    }
    static Floats load_part(const float* from, std::size_t count, float fill) {
        Floats result = all(fill);
        std::memcpy(&result, from, count * sizeof(float));
        return result;
    }

    static Floats fma(Floats a, Floats b, Floats c) { return a * b + c; }
    static Floats max(Floats a, Floats b) { return select(above(a, b), a, b); }
    static Floats min(Floats a, Floats b) { return select(above(b, a), a, b); }
    static Floats absolute(Floats a) { return select(above(all(0.0F), a), all(0.0F) - a, a); }
    static Floats truncate(Floats a) {
        const Floats convertible = max(a, all(-1e6F));
        return __builtin_convertvector(__builtin_convertvector(convertible, Mask), Floats);
    }
    /// x - n ln 2, with ln 2 in two parts; the first has 15 bits, so that n times it is exact.
    static Floats without_powers(Floats x, Floats n) { return (x - n * 0.693145752F) - n * 1.42860677e-6F; }
    static Floats scale(Floats a, Floats n) {
        // Unsigned: lanes that a mask discards later may hold any n.
        const auto exponent = reinterpret_cast<Unsigned>(__builtin_convertvector(n, Mask)) << 23;
        return as_floats(reinterpret_cast<Mask>(reinterpret_cast<Unsigned>(as_bits(a)) + exponent));
    }

    static Mask above(Floats a, Floats b) { return a > b; }
    static Mask at_least(Floats a, Floats b) { return a >= b; }
    static Mask equal(Floats a, Floats b) { return a == b; }
    static Mask unordered(Floats a, Floats b) { return (a != a) | (b != b); }
    static Floats keep(Mask mask, Floats a) { return as_floats(mask & as_bits(a)); }
    static Floats select(Mask mask, Floats yes, Floats no) {
        return as_floats((mask & as_bits(yes)) | (~mask & as_bits(no)));
    }
    static Floats add_where(Mask mask, Floats sum, Floats a) { return sum + keep(mask, a); }
    static bool any(Mask mask) { return bits(mask) != 0; }
    static unsigned bits(Mask mask) {
        unsigned result = 0;
        for (unsigned i = 0; i < kWidth; ++i) result |= mask[i] != 0 ? 1U << i : 0U;
        return result;
    }

    static Counts no_counts() { return Counts{0, 0, 0, 0}; }
    static Counts count(Counts counts, Mask mask) { return counts - mask; }  // a set lane is -1
    static std::uint32_t total(Counts counts) {
        return static_cast<std::uint32_t>(counts[0] + counts[1] + counts[2] + counts[3]);
    }
    static float largest(Floats a) {
        float result = a[0];
        for (std::size_t i = 1; i < kWidth; ++i) result = a[i] > result ? a[i] : result;
        return result;
    }
    static float smallest(Floats a) { return -largest(all(0.0F) - a); }

    static Doubles no_sum() { return {Pair{0, 0}, Pair{0, 0}}; }
    static Doubles add(Doubles sums, Floats a) { return {sums.low + Pair{a[0], a[1]}, sums.high + Pair{a[2], a[3]}}; }
    static double sum(Doubles sums) {
        const Pair both = sums.low + sums.high;
        return both[0] + both[1];
    }

private:
    static Mask as_bits(Floats a) { return reinterpret_cast<Mask>(a); }
    static Floats as_floats(Mask a) { return reinterpret_cast<Floats>(a); }
};

}  // namespace

constinit const Loops portable_loops = loops_of<Portable>();

}  // namespace urial::logits

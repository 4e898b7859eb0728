// packed_product.cpp for AVX2 alone, which cannot add four products of bytes to 32 bits in one step. One group and six
// columns are taken at a time, for there are 16 registers and a group's vector takes two. There are two ways.
//
// *Narrow*, for columns of 8 bits and weights of at most 6: VPMADDUBSW makes sums of two products, 16 bits each, of
// which as many are added as can never overflow (2 x 128 x the largest weight each: two for Q6_K, four for Q5_0, all
// eight for Q4_K), before VPMADDWD with ones makes 32 bits of them. A block of a tile is that of the VNNI kernel:
//
//     [k = 0: 6 x 4 bytes] ... [k = 7] [corrections]
//
// *Wide*, where two products may exceed 16 bits: for weights of 8 bits and for columns of 16. Weights are widened, the
// even bytes of a word first and then the odd ones, and VPMADDWD multiplies them with 16-bit columns:
//
//     [k = 0, numbers 0 and 2: 6 x 2 x 2 bytes] [k = 0, numbers 1 and 3] ... [k = 7, 1 and 3] [corrections]

#include "engine/packed_product.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "engine/packed_product_kernel.h"
#include "engine/vector_avx2.h"

namespace urial::engine {
namespace {

struct MultiplyAdd {
    using Vector = Avx2;
    static constexpr int kGroups = 1;

    /// Sums of two products that fit into 16 bits together; 0 where not even one does.
    template <class Weights>
    static constexpr int kTogether = 32767 / (2 * 128 * Weights::kLargest);

    template <class Weights, ColumnBits kBits>
    static constexpr bool kIsWide = kBits == ColumnBits::Sixteen || kTogether<Weights> == 0;

    template <class Weights, ColumnBits kBits>
    static constexpr int block_words() {
        return kIsWide<Weights, kBits> ? 2 * kWords : kWords;
    }

    template <class Weights, ColumnBits kBits, int kColumns>
    static void multiply_part(const Weights (&weights)[kGroups], int part, const std::int32_t* tile,
                              const std::int32_t* corrections, Avx2::Integers (&products)[kGroups][kColumns]) {
        for (int c = 0; c < kColumns; ++c) products[0][c] = Avx2::all_integers(corrections[c]);
        if constexpr (kIsWide<Weights, kBits>) {
            multiply_wide(weights[0], part, tile, products[0]);
        } else {
            multiply_narrow(weights[0], part, tile, products[0]);
        }
    }

    template <class Weights, ColumnBits kBits>
    static void store_column(Avx2::Integers rounded, int half, std::int32_t* words) {
        constexpr int kHalf = block_words<Weights, kBits>() / 2 * kTile;
        words += half * kHalf;
        for (const __m256i eight : {rounded.low, rounded.high}) {
            for (const __m128i four : {_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1)}) {
                if constexpr (kIsWide<Weights, kBits>) {
                    const __m128i pairs =
                        _mm_shuffle_epi8(four, _mm_setr_epi8(0, 1, 8, 9, 4, 5, 12, 13, 0, 0, 0, 0, 0, 0, 0, 0));
                    words[0] = _mm_extract_epi32(pairs, 0);
                    words[kTile] = _mm_extract_epi32(pairs, 1);
                    words += 2 * kTile;
                } else {
                    const __m128i bytes =
                        _mm_shuffle_epi8(four, _mm_setr_epi8(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
                    words[0] = _mm_cvtsi128_si32(bytes);
                    words += kTile;
                }
            }
        }
    }

private:
    template <class Weights, int kColumns>
    static void multiply_narrow(const Weights& weights, int part, const std::int32_t* tile,
                                Avx2::Integers (&products)[kColumns]) {
        constexpr int kPartWords = kWords / Weights::kParts;
        constexpr int kStep = kTogether<Weights> < kPartWords ? kTogether<Weights> : kPartWords;
        static_assert(kPartWords % kStep == 0);
        const __m256i ones = _mm256_set1_epi16(1);
        for (int first = part * kPartWords; first < (part + 1) * kPartWords; first += kStep) {
            Avx2::Integers sums[kColumns];  // 16 bits each
            const Avx2::Integers word = weights.word(first);
            for (int c = 0; c < kColumns; ++c) sums[c] = pair_sums(word, tile[first * kTile + c]);
            for (int k = first + 1; k < first + kStep; ++k) {
                const Avx2::Integers next = weights.word(k);
                for (int c = 0; c < kColumns; ++c) {
                    const Avx2::Integers more = pair_sums(next, tile[k * kTile + c]);
                    sums[c].low = _mm256_add_epi16(sums[c].low, more.low);
                    sums[c].high = _mm256_add_epi16(sums[c].high, more.high);
                }
            }
            for (int c = 0; c < kColumns; ++c) {
                products[c].low = _mm256_add_epi32(products[c].low, _mm256_madd_epi16(sums[c].low, ones));
                products[c].high = _mm256_add_epi32(products[c].high, _mm256_madd_epi16(sums[c].high, ones));
            }
        }
    }

    /// Sums of two products of bytes, 16 bits each.
    static Avx2::Integers pair_sums(Avx2::Integers weights, std::int32_t column) {
        const __m256i numbers = _mm256_set1_epi32(column);
        return {_mm256_maddubs_epi16(weights.low, numbers), _mm256_maddubs_epi16(weights.high, numbers)};
    }

    template <class Weights, int kColumns>
    static void multiply_wide(const Weights& weights, int part, const std::int32_t* tile,
                              Avx2::Integers (&products)[kColumns]) {
        constexpr int kPartWords = kWords / Weights::kParts;
        const __m256i even_bytes = _mm256_set1_epi16(255);
        for (int k = part * kPartWords; k < (part + 1) * kPartWords; ++k) {
            const Avx2::Integers word = weights.word(k);
            add_wide({_mm256_and_si256(word.low, even_bytes), _mm256_and_si256(word.high, even_bytes)},
                     tile + 2 * k * kTile, products);
            add_wide({_mm256_srli_epi16(word.low, 8), _mm256_srli_epi16(word.high, 8)}, tile + (2 * k + 1) * kTile,
                     products);
        }
    }

    template <int kColumns>
    static void add_wide(Avx2::Integers weights, const std::int32_t* words, Avx2::Integers (&products)[kColumns]) {
        for (int c = 0; c < kColumns; ++c) {
            const __m256i column = _mm256_set1_epi32(words[c]);
            products[c].low = _mm256_add_epi32(products[c].low, _mm256_madd_epi16(weights.low, column));
            products[c].high = _mm256_add_epi32(products[c].high, _mm256_madd_epi16(weights.high, column));
        }
    }
};

constexpr PackedProduct kProduct = product_of<MultiplyAdd>();

}  // namespace

constinit const PackedProduct* const avx2_product = &kProduct;

}  // namespace urial::engine

#else

namespace urial::engine {

constinit const PackedProduct* const avx2_product = nullptr;

}  // namespace urial::engine

#endif

// packed_product.cpp for AVX-512 with VNNI.
//
// One VPDPBUSD adds four products for each of 16 rows; eight make a block for one column. Two groups and six columns
// are taken at a time: 12 integer and 12 float accumulators, the two weight vectors and a column's word fit into the 32
// registers, and 12 VPDPBUSD need 8 loads (one group and twelve columns would need 13, and wait for them).
//
// Columns of 16 bits are two planes of 8: rounded = 256 x high + low. A block of a tile:
//
//     [k = 0: 6 x 4 bytes] ... [k = 7] (the same for the low plane) [corrections]

#include "engine/packed_product.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)

#include "engine/packed_product_kernel.h"
#include "engine/vector_avx512.h"

namespace urial::engine {
namespace {

struct Vnni {
    using Vector = Avx512;
    static constexpr int kGroups = 2;

    template <ColumnBits kBits>
    static constexpr int kPlanes = kBits == ColumnBits::Eight ? 1 : 2;

    template <class Weights, ColumnBits kBits>
    static constexpr int block_words() {
        return kPlanes<kBits> * kWords;
    }

    template <class Weights, ColumnBits kBits, int kColumns>
    static void multiply_part(const Weights (&weights)[kGroups], int part, const std::int32_t* tile,
                              const std::int32_t* corrections, __m512i (&products)[kGroups][kColumns]) {
        constexpr int kPartWords = kWords / Weights::kParts;
        for (auto& of_group : products) {
            for (int c = 0; c < kColumns; ++c)
                of_group[c] = kPlanes<kBits> == 1 ? _mm512_set1_epi32(corrections[c]) : _mm512_setzero_si512();
        }
        for (int plane = 0; plane < kPlanes<kBits>; ++plane) {
            if (plane == 1) {
                for (auto& of_group : products) {
                    for (int c = 0; c < kColumns; ++c) {
                        of_group[c] =
                            _mm512_add_epi32(_mm512_slli_epi32(of_group[c], 8), _mm512_set1_epi32(corrections[c]));
                    }
                }
            }
            for (int k = part * kPartWords; k < (part + 1) * kPartWords; ++k) {
                const __m512i word[kGroups] = {weights[0].word(k), weights[1].word(k)};
                const std::int32_t* words = tile + (plane * kWords + k) * kTile;
                for (int c = 0; c < kColumns; ++c) {
                    const __m512i column = _mm512_set1_epi32(words[c]);
                    for (int g = 0; g < kGroups; ++g)
                        products[g][c] = _mm512_dpbusd_epi32(products[g][c], word[g], column);
                }
            }
        }
    }

    /// Half a block of a column, rounded, at a tile's block.
    template <class Weights, ColumnBits kBits>
    static void store_column(__m512i rounded, int half, std::int32_t* words) {
        constexpr int kPlane = kWords * kTile;
        words += half * kPlane / 2;
        if constexpr (kBits == ColumnBits::Eight) {
            store_bytes(rounded, words);
        } else {  // low is from -128 to 127; its byte is the low one of rounded
            store_bytes(_mm512_srai_epi32(_mm512_add_epi32(rounded, _mm512_set1_epi32(128)), 8), words);
            store_bytes(rounded, words + kPlane);
        }
    }

private:
    /// The low bytes of 16 numbers, four to a word.
    static void store_bytes(__m512i numbers, std::int32_t* words) {
        const __m128i bytes = _mm512_cvtepi32_epi8(numbers);
        words[0] = _mm_extract_epi32(bytes, 0);
        words[kTile] = _mm_extract_epi32(bytes, 1);
        words[2 * kTile] = _mm_extract_epi32(bytes, 2);
        words[3 * kTile] = _mm_extract_epi32(bytes, 3);
    }
};

constexpr PackedProduct kProduct = product_of<Vnni>();

}  // namespace

constinit const PackedProduct* const avx512_vnni_product = &kProduct;

}  // namespace urial::engine

#else

namespace urial::engine {

constinit const PackedProduct* const avx512_vnni_product = nullptr;

}  // namespace urial::engine

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * 16, 32 and 64 bytes at a time. Each function says for itself which instructions it may use, so
 * that the program runs on processors without them.
 */
#include "service/scan_block.h"

#if defined(__x86_64__)

#include <immintrin.h>

SCAN_INLINE uint64_t bits_sse2(__m128i bytes)
{
    return (uint32_t)_mm_movemask_epi8(bytes);
}

SCAN_INLINE struct block_marks block_sse2(const char *bytes)
{
    struct block_marks marks = {0};

    for (size_t i = 0; i < SCAN_BLOCK / sizeof(__m128i); i++) {
        __m128i part = _mm_loadu_si128((const __m128i *)(const void *)bytes + i);
        __m128i texts = _mm_or_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8('"')),
                                     _mm_cmpeq_epi8(part, _mm_set1_epi8('\\')));
        __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(part, _mm_set1_epi8(0x1f)), part);

        marks.stops |= bits_sse2(_mm_or_si128(texts, controls)) << (i * sizeof part);
        marks.highs |= bits_sse2(part) << (i * sizeof part);
        marks.deletes |= bits_sse2(_mm_cmpeq_epi8(part, _mm_set1_epi8(0x7f)));
    }
    return marks;
}

void scan_sse2(const char *bytes, size_t length, struct marks *marks)
{
    scan_each(bytes, length, marks, block_sse2);
}

#define AVX2 __attribute__((target("avx2")))

AVX2 SCAN_INLINE uint64_t bits_avx2(__m256i bytes)
{
    return (uint32_t)_mm256_movemask_epi8(bytes);
}

AVX2 SCAN_INLINE struct block_marks block_avx2(const char *bytes)
{
    struct block_marks marks = {0};

    for (size_t i = 0; i < SCAN_BLOCK / sizeof(__m256i); i++) {
        __m256i part = _mm256_loadu_si256((const __m256i *)(const void *)bytes + i);
        __m256i texts = _mm256_or_si256(_mm256_cmpeq_epi8(part, _mm256_set1_epi8('"')),
                                        _mm256_cmpeq_epi8(part, _mm256_set1_epi8('\\')));
        __m256i controls = _mm256_cmpeq_epi8(_mm256_min_epu8(part, _mm256_set1_epi8(0x1f)), part);

        marks.stops |= bits_avx2(_mm256_or_si256(texts, controls)) << (i * sizeof part);
        marks.highs |= bits_avx2(part) << (i * sizeof part);
        marks.deletes |= bits_avx2(_mm256_cmpeq_epi8(part, _mm256_set1_epi8(0x7f)));
    }
    return marks;
}

AVX2 void scan_avx2(const char *bytes, size_t length, struct marks *marks)
{
    scan_each(bytes, length, marks, block_avx2);
}

#define AVX512 __attribute__((target("avx512f,avx512bw")))

AVX512 SCAN_INLINE struct block_marks block_avx512(const char *bytes)
{
    __m512i block = _mm512_loadu_si512(bytes);

    return (struct block_marks){.stops = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('"')) |
                                         _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('\\')) |
                                         _mm512_cmplt_epu8_mask(block, _mm512_set1_epi8(0x20)),
                                .highs = _mm512_movepi8_mask(block),
                                .deletes = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(0x7f))};
}

AVX512 void scan_avx512(const char *bytes, size_t length, struct marks *marks)
{
    scan_each(bytes, length, marks, block_avx512);
}

#endif

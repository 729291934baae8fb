/* SPDX-License-Identifier: Apache-2.0 */
#include "service/scan.h"

#include "service/bytes.h"
#include "service/scan_block.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The top bit of each byte of `word`, which has no others, as eight bits in the order of the bytes:
 * the product puts bit 8k + 7 at bit 56 + k, and no two terms meet. */
static uint64_t gather(uint64_t word)
{
    return ((word >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

/* The top bit of each byte that is below `limit`, at most 0x80; those above 0x7f are not. Exact: a
 * byte without its top bit plus 0x80 less the limit never carries into the next one. */
static uint64_t below(uint64_t word, uint64_t limit)
{
    return ~((word & EACH(0x7f)) + EACH(0x80 - limit)) & ~word & EACH(0x80);
}

static uint64_t equal(uint64_t word, uint64_t byte)
{
    return below(word ^ EACH(byte), 1);
}

SCAN_INLINE struct block_marks block_portable(const char *bytes)
{
    struct block_marks marks = {0};

    for (size_t i = 0; i < SCAN_BLOCK / BYTES_TOGETHER; i++) {
        uint64_t word = bytes_load(bytes + i * BYTES_TOGETHER);
        uint64_t stops = equal(word, '"') | equal(word, '\\') | below(word, 0x20);

        marks.stops |= gather(stops) << (i * BYTES_TOGETHER);
        marks.highs |= gather(word & EACH(0x80)) << (i * BYTES_TOGETHER);
        marks.deletes |= equal(word, 0x7f);
    }
    return marks;
}

static void scan_portable(const char *bytes, size_t length, struct marks *marks)
{
    scan_each(bytes, length, marks, block_portable);
}

scan_function *scan_of(enum scan_kind kind)
{
#if defined(__x86_64__)
    if (kind == SCAN_AVX512)
        return __builtin_cpu_supports("avx512bw") ? scan_avx512 : NULL;
    if (kind == SCAN_AVX2)
        return __builtin_cpu_supports("avx2") ? scan_avx2 : NULL;
    if (kind == SCAN_SSE2)
        return scan_sse2;
#endif
    return kind == SCAN_PORTABLE ? scan_portable : NULL;
}

scan_function *scan_best(void)
{
    enum scan_kind kind = SCAN_KINDS - 1;

    while (scan_of(kind) == NULL)
        kind--;
    return scan_of(kind);
}

const char *scan_name(enum scan_kind kind)
{
    static const char *const names[SCAN_KINDS] = {"portable", "sse2", "avx2", "avx512"};

    return names[kind];
}

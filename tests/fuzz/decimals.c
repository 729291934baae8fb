/* SPDX-License-Identifier: Apache-2.0
 *
 * Doubles printed by our own arithmetic and by the C library: the same bytes, or it aborts.
 *
 *   fuzz_decimals RUNS [SEED]
 *
 * Ratios as answers have them, bit patterns of every size around where the fast way begins and
 * ends, powers of two and their neighbours, short decimals, quarters of what has 16 digits (ties).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/decimal.h"

static uint64_t dice_state;

static uint64_t dice(void)
{
    uint64_t mixed = dice_state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static double of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double ratio(uint64_t most)
{
    uint64_t below = 1 + dice() % most;

    return (double)(dice() % (below + below / 8 + 1)) / (double)below;
}

static double short_decimal(void)
{
    char text[48];

    (void)snprintf(text, sizeof text, "%llu.%0*llue%d", (unsigned long long)(dice() % 100000),
                   (int)(1 + dice() % 12), (unsigned long long)(dice() % 1000000),
                   (int)(dice() % 34) - 20);
    return strtod(text, NULL);
}

static double pick(uint64_t run)
{
    uint64_t bits = dice();

    switch (run % 8) {
    case 0:
        return ratio(5000);
    case 1:
        return ratio(UINT64_C(1) << (1 + dice() % 52));
    case 2: /* 2^-60 to 2^59, any fraction, either sign */
        return of_bits((bits & UINT64_C(0x800FFFFFFFFFFFFF)) | (1023 - 60 + dice() % 120) << 52);
    case 3: /* a power of two, the one before it and the one after */
        return of_bits(((1023 - 60 + dice() % 120) << 52) + dice() % 3 - 1);
    case 4:
        return short_decimal();
    case 5:
        return (double)(bits >> (11 + dice() % 50)) / (double)(UINT64_C(1) << dice() % 12);
    case 6: /* near what has few digits */
        return of_bits(bits_of(short_decimal()) + dice() % 3 - 1);
    default: /* whatever is finite */
        return (bits >> 52 & 0x7FF) == 0x7FF ? 0.0 : of_bits(bits);
    }
}

int main(int count, char **arguments)
{
    unsigned long runs = count > 1 ? strtoul(arguments[1], NULL, 10) : 100000;
    unsigned long seed = count > 2 ? strtoul(arguments[2], NULL, 10) : 1;

    dice_state = seed;
    for (unsigned long run = 0; run < runs; run++) {
        double value = pick(run);
        char ours[DECIMAL_BYTES_MAX];
        char theirs[DECIMAL_BYTES_MAX];
        size_t length = decimal_write(value, ours);
        size_t wanted = decimal_write_slowly(value, theirs);

        if (length != wanted || memcmp(ours, theirs, length) != 0) {
            (void)fprintf(stderr, "fuzz_decimals: %a is %.*s, not %.*s\n", value, (int)wanted,
                          theirs, (int)length, ours);
            abort();
        }
    }
    (void)printf("%lu doubles, seed %lu: the same bytes\n", runs, seed);
    return 0;
}

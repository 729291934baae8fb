/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/history_bits.h"

enum { WORD_BITS = 32, LENGTH_BITS = 6, PARAMETER_MAX = (1 << RICE_PARAMETER_BITS) - 1 };

static unsigned bit_length(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

static uint64_t low_bits(uint64_t value, unsigned bits)
{
    return bits == 64 ? value : value & ((UINT64_C(1) << bits) - 1);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* At most 32 bits, with no others set in value. */
static void put_word(struct bit_writer *writer, uint64_t value, unsigned bits)
{
    writer->held |= value << writer->count;
    writer->count += bits;
    for (; writer->count >= 8; writer->count -= 8) {
        *writer->at++ = (unsigned char)writer->held;
        writer->held >>= 8;
    }
}

void bits_put(struct bit_writer *writer, uint64_t value, unsigned bits)
{
    if (bits > WORD_BITS) {
        put_word(writer, low_bits(value, WORD_BITS), WORD_BITS);
        value >>= WORD_BITS;
        bits -= WORD_BITS;
    }
    put_word(writer, low_bits(value, bits), bits);
}

void bits_put_rice(struct bit_writer *writer, uint64_t value, unsigned parameter)
{
    uint64_t ones = value >> parameter;
    unsigned length = 0;

    if (ones < RICE_ONES_MAX) {
        put_word(writer, (UINT64_C(1) << ones) - 1, (unsigned)ones + 1);
        put_word(writer, low_bits(value, parameter), parameter);
        return;
    }
    length = bit_length(value);
    put_word(writer, (UINT64_C(1) << RICE_ONES_MAX) - 1, RICE_ONES_MAX);
    put_word(writer, length - 1, LENGTH_BITS);
    bits_put(writer, value, length);
}

unsigned char *bits_end(struct bit_writer *writer)
{
    if (writer->count > 0) {
        put_word(writer, 0, 8 - writer->count);
    }
    return writer->at;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Holds at least 32 bits, as far as there are any. */
static void refill(struct bit_reader *reader)
{
    while (reader->count < WORD_BITS && reader->at != reader->end) {
        reader->held |= (uint64_t)*reader->at++ << reader->count;
        reader->count += 8;
    }
}

static void skip(struct bit_reader *reader, unsigned bits)
{
    reader->held >>= bits;
    reader->count -= bits;
}

/* At most 32 bits. */
static uint64_t get_word(struct bit_reader *reader, unsigned bits)
{
    uint64_t value = 0;

    refill(reader);
    if (reader->failed || bits > reader->count) {
        reader->failed = true;
        return 0;
    }
    value = low_bits(reader->held, bits);
    skip(reader, bits);
    return value;
}

uint64_t bits_get(struct bit_reader *reader, unsigned bits)
{
    uint64_t value = 0;

    if (bits <= WORD_BITS) {
        return get_word(reader, bits);
    }
    value = get_word(reader, WORD_BITS);
    return value | get_word(reader, bits - WORD_BITS) << WORD_BITS;
}

uint64_t bits_get_rice(struct bit_reader *reader, unsigned parameter)
{
    unsigned ones = 0;

    refill(reader);
    /* Above `count` there are only zeros, so this never counts past it. */
    ones = (unsigned)__builtin_ctzll(~reader->held);
    if (ones >= RICE_ONES_MAX) {
        skip(reader, RICE_ONES_MAX);
        return bits_get(reader, (unsigned)get_word(reader, LENGTH_BITS) + 1);
    }
    if (reader->failed || ones >= reader->count) {
        reader->failed = true;
        return 0;
    }
    skip(reader, ones + 1);
    return (uint64_t)ones << parameter | get_word(reader, parameter);
}

bool bits_at_end(const struct bit_reader *reader)
{
    return !reader->failed && reader->at == reader->end && reader->count < 8 && reader->held == 0;
}

/* ---- choosing ------------------------------------------------------------------------------ */

static uint64_t rice_bits(const uint64_t *values, size_t count, uint64_t all, unsigned parameter)
{
    uint64_t bits = count * (parameter + 1);

    /* `all` has every bit that any value has: no value is larger. */
    if (all >> parameter < RICE_ONES_MAX) {
        for (size_t i = 0; i < count; i++) {
            bits += values[i] >> parameter;
        }
        return bits;
    }
    bits = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t ones = values[i] >> parameter;

        bits += ones < RICE_ONES_MAX ? ones + 1 + parameter
                                     : RICE_ONES_MAX + LENGTH_BITS + bit_length(values[i]);
    }
    return bits;
}

unsigned rice_choose(const uint64_t *values, size_t count, uint64_t *ret_bits)
{
    const uint64_t large = UINT64_C(1) << 50; /* sixty of them do not overflow */
    uint64_t all = 0;
    uint64_t sum = 0;
    uint64_t best_bits = 0;
    unsigned best = 0;

    for (size_t i = 0; i < count; i++) {
        all |= values[i];
        sum += values[i] < large ? values[i] : large;
    }
    /* The best is near the logarithm of the mean; from there downhill. */
    best = count == 0 ? 0 : bit_length(sum / count);
    best = best > PARAMETER_MAX ? PARAMETER_MAX : best;
    best_bits = rice_bits(values, count, all, best);
    while (best > 0) {
        uint64_t bits = rice_bits(values, count, all, best - 1);

        if (bits > best_bits) {
            break;
        }
        best_bits = bits;
        best--;
    }
    *ret_bits = best_bits;
    return best;
}

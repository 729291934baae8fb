/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/history_pack.h"

#include "storage/history_bits.h"

/* How a column is written. The numbers are part of the format. */
enum way {
    WAY_ZERO,    /* nothing but zeros */
    WAY_ONE,     /* nothing but ones */
    WAY_SAME,    /* one number for all */
    WAY_SPARSE,  /* the few that are not zero: how many zeros before it, its value less one */
    WAY_PLAIN,   /* the numbers */
    WAY_CENTRED, /* a number, and how far each is from it */
    WAY_STEPS,   /* how far each is from the one before; the first from zero */
};

enum {
    WAY_BITS = 3,
    COLUMNS_BITS = 4,
    POSITION_BITS = 6,
    LENGTH_BITS = 7,
    SPARSE_HEAD_BITS = POSITION_BITS + 2 * 5
};

/* The numbers of a column without those of absent cells, and ways to write them. */
struct column {
    size_t count, filled; /* filled: how many are not zero */
    uint64_t values[HISTORY_CELLS_MAX];
    uint64_t gaps[HISTORY_CELLS_MAX], rests[HISTORY_CELLS_MAX]; /* WAY_SPARSE */
    uint64_t distances[HISTORY_CELLS_MAX];                      /* WAY_CENTRED */
    uint64_t steps[HISTORY_CELLS_MAX];                          /* WAY_STEPS */
    uint64_t centre;
    enum way way;
    unsigned parameter, gaps_parameter;
};

/* Differences wrap around, so that every pair of numbers has one. */
static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (difference >> 63 == 0 ? 0 : UINT64_MAX);
}

static uint64_t unzigzag(uint64_t code)
{
    return code >> 1 ^ ((code & 1) == 0 ? 0 : UINT64_MAX);
}

/* ---- cells --------------------------------------------------------------------------------- */

void history_cells_make(struct history_cells *cells, unsigned cell)
{
    if ((cells->present >> cell & 1) == 0) {
        cells->present |= UINT64_C(1) << cell;
        for (int number = 0; number < MINUTE_NUMBERS; number++) {
            cells->numbers[number][cell] = 0;
        }
    }
}

void history_cells_add(struct history_cells *cells, unsigned cell, int number, int64_t value)
{
    int64_t *sum = &cells->numbers[number][cell];

    history_cells_make(cells, cell);
    if (__builtin_add_overflow(*sum, value, sum)) {
        *sum = value < 0 ? INT64_MIN : INT64_MAX;
    }
}

/* ---- writing ------------------------------------------------------------------------------- */

static unsigned bit_length(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

static void put_number(struct bit_writer *writer, uint64_t value)
{
    unsigned length = bit_length(value);

    bits_put(writer, length, LENGTH_BITS);
    bits_put(writer, value, length);
}

static void put_present(struct bit_writer *writer, uint64_t present, unsigned count)
{
    unsigned first = (unsigned)__builtin_ctzll(present);
    unsigned run = (unsigned)__builtin_popcountll(present);

    if (present >> first == (UINT64_C(1) << run) - 1) {
        bits_put(writer, 0, 1);
        bits_put(writer, first, POSITION_BITS);
        bits_put(writer, run, POSITION_BITS);
    } else {
        bits_put(writer, 1, 1);
        bits_put(writer, present, count);
    }
}

static void gather(const int64_t *numbers, uint64_t present, struct column *ret_column)
{
    struct column *column = ret_column;
    uint64_t all = 0;
    uint64_t different = 0;
    size_t zeros = 0;

    column->count = column->filled = 0;
    for (; present != 0; present &= present - 1) {
        uint64_t value = (uint64_t)numbers[__builtin_ctzll(present)];

        column->values[column->count++] = value;
        all |= value;
        different |= value ^ column->values[0];
        if (value == 0) {
            zeros++;
        } else {
            column->gaps[column->filled] = zeros;
            column->rests[column->filled++] = value - 1;
            zeros = 0;
        }
    }
    if (different == 0) {
        column->way = all == 0 ? WAY_ZERO : all == 1 ? WAY_ONE : WAY_SAME;
    } else {
        column->way = WAY_PLAIN;
    }
}

/* The mean, or with huge numbers anything else: it only has to be near most of them. */
static uint64_t centre_of(const struct column *column)
{
    int64_t sum = (int64_t)(column->count / 2);

    CTR_ASSERT(column->count > 0);
    for (size_t i = 0; i < column->count; i++) {
        sum = (int64_t)((uint64_t)sum + column->values[i]);
    }
    return (uint64_t)(sum / (int64_t)column->count);
}

/* Takes a way if it is cheaper than the best so far. */
static void consider(struct column *column, enum way way, const uint64_t *codes, uint64_t head_bits,
                     uint64_t *best_bits)
{
    uint64_t bits = 0;
    unsigned parameter = rice_choose(codes, column->count, &bits);

    if (bits + head_bits < *best_bits) {
        *best_bits = bits + head_bits;
        column->way = way;
        column->parameter = parameter;
    }
}

static void choose_way(struct column *column)
{
    uint64_t best_bits = UINT64_MAX;
    uint64_t before = 0;

    column->centre = centre_of(column);
    for (size_t i = 0; i < column->count; i++) {
        column->distances[i] = zigzag(column->values[i] - column->centre);
        column->steps[i] = zigzag(column->values[i] - before);
        before = column->values[i];
    }
    consider(column, WAY_PLAIN, column->values, 0, &best_bits);
    consider(column, WAY_STEPS, column->steps, 0, &best_bits);
    consider(column, WAY_CENTRED, column->distances,
             LENGTH_BITS + bit_length(zigzag(column->centre)), &best_bits);
    if (column->filled * 2 <= column->count) {
        uint64_t gaps_bits = 0;
        uint64_t rests_bits = 0;
        unsigned gaps_parameter = rice_choose(column->gaps, column->filled, &gaps_bits);
        unsigned parameter = rice_choose(column->rests, column->filled, &rests_bits);

        if (gaps_bits + rests_bits + SPARSE_HEAD_BITS - RICE_PARAMETER_BITS < best_bits) {
            column->way = WAY_SPARSE;
            column->parameter = parameter;
            column->gaps_parameter = gaps_parameter;
        }
    }
}

static void put_codes(struct bit_writer *writer, const uint64_t *codes, const struct column *column)
{
    bits_put(writer, column->parameter, RICE_PARAMETER_BITS);
    for (size_t i = 0; i < column->count; i++) {
        bits_put_rice(writer, codes[i], column->parameter);
    }
}

static void put_sparse(struct bit_writer *writer, const struct column *column)
{
    bits_put(writer, column->filled, POSITION_BITS);
    bits_put(writer, column->gaps_parameter, RICE_PARAMETER_BITS);
    bits_put(writer, column->parameter, RICE_PARAMETER_BITS);
    for (size_t i = 0; i < column->filled; i++) {
        bits_put_rice(writer, column->gaps[i], column->gaps_parameter);
        bits_put_rice(writer, column->rests[i], column->parameter);
    }
}

static void put_column(struct bit_writer *writer, const struct column *column)
{
    bits_put(writer, column->way, WAY_BITS);
    switch (column->way) {
    case WAY_ZERO:
    case WAY_ONE:
        break;
    case WAY_SAME:
        put_number(writer, zigzag(column->values[0]));
        break;
    case WAY_SPARSE:
        put_sparse(writer, column);
        break;
    case WAY_PLAIN:
        put_codes(writer, column->values, column);
        break;
    case WAY_CENTRED:
        put_number(writer, zigzag(column->centre));
        put_codes(writer, column->distances, column);
        break;
    case WAY_STEPS:
        put_codes(writer, column->steps, column);
        break;
    }
}

/* How many columns there are up to the last that is not all zeros. */
static unsigned count_columns(const struct history_cells *cells)
{
    unsigned columns = MINUTE_NUMBERS;

    for (; columns > 0; columns--) {
        for (uint64_t left = cells->present; left != 0; left &= left - 1) {
            if (cells->numbers[columns - 1][__builtin_ctzll(left)] != 0) {
                return columns;
            }
        }
    }
    return 0;
}

size_t history_pack(const struct history_cells *cells, unsigned count,
                    unsigned char ret_bytes[HISTORY_PACKED_BYTES_MAX])
{
    struct bit_writer writer = {.at = ret_bytes};
    struct column column = {.count = 0};
    unsigned columns = count_columns(cells);

    CTR_ASSERT(cells->present != 0 && cells->present >> count == 0);
    put_present(&writer, cells->present, count);
    bits_put(&writer, columns, COLUMNS_BITS);
    for (unsigned number = 0; number < columns; number++) {
        gather(cells->numbers[number], cells->present, &column);
        if (column.way == WAY_PLAIN) {
            choose_way(&column);
        }
        put_column(&writer, &column);
    }
    return (size_t)(bits_end(&writer) - ret_bytes);
}

/* ---- reading ------------------------------------------------------------------------------- */

static uint64_t get_number(struct bit_reader *reader)
{
    unsigned length = (unsigned)bits_get(reader, LENGTH_BITS);

    if (length > 64) {
        reader->failed = true;
        return 0;
    }
    return bits_get(reader, length);
}

static bool get_present(struct bit_reader *reader, unsigned count, uint64_t *ret_present)
{
    if (bits_get(reader, 1) == 0) {
        unsigned first = (unsigned)bits_get(reader, POSITION_BITS);
        unsigned run = (unsigned)bits_get(reader, POSITION_BITS);

        if (first + run > count) {
            return false;
        }
        *ret_present = ((UINT64_C(1) << run) - 1) << first;
    } else {
        *ret_present = bits_get(reader, count);
    }
    return !reader->failed && *ret_present != 0;
}

static bool get_sparse(struct bit_reader *reader, size_t count, uint64_t *ret_values)
{
    size_t filled = (size_t)bits_get(reader, POSITION_BITS);
    unsigned gaps_parameter = (unsigned)bits_get(reader, RICE_PARAMETER_BITS);
    unsigned parameter = (unsigned)bits_get(reader, RICE_PARAMETER_BITS);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        ret_values[i] = 0;
    }
    for (size_t i = 0; i < filled; i++) {
        uint64_t gap = bits_get_rice(reader, gaps_parameter);

        if (reader->failed || gap >= count - at) {
            return false;
        }
        at += (size_t)gap;
        ret_values[at++] = bits_get_rice(reader, parameter) + 1;
    }
    return !reader->failed;
}

/* A number of way WAY_PLAIN, WAY_CENTRED or WAY_STEPS for each. */
static void get_codes(struct bit_reader *reader, enum way way, size_t count, uint64_t *ret_values)
{
    uint64_t base = way == WAY_CENTRED ? unzigzag(get_number(reader)) : 0;
    unsigned parameter = (unsigned)bits_get(reader, RICE_PARAMETER_BITS);

    for (size_t i = 0; i < count; i++) {
        uint64_t code = bits_get_rice(reader, parameter);

        ret_values[i] = way == WAY_PLAIN ? code : base + unzigzag(code);
        base = way == WAY_STEPS ? ret_values[i] : base;
    }
}

static bool get_column(struct bit_reader *reader, size_t count, uint64_t *ret_values)
{
    enum way way = (enum way)bits_get(reader, WAY_BITS);
    uint64_t same = way == WAY_ONE;

    if (way > WAY_STEPS) {
        return false;
    }
    if (way == WAY_SPARSE) {
        return get_sparse(reader, count, ret_values);
    }
    if (way > WAY_SPARSE) {
        get_codes(reader, way, count, ret_values);
        return !reader->failed;
    }
    if (way == WAY_SAME) {
        same = unzigzag(get_number(reader));
    }
    for (size_t i = 0; i < count; i++) {
        ret_values[i] = same;
    }
    return !reader->failed;
}

bool history_unpack(const unsigned char *bytes, size_t length, unsigned count,
                    struct history_cells *ret_cells)
{
    struct bit_reader reader = {.at = bytes, .end = bytes + length};
    unsigned columns = 0;

    if (!get_present(&reader, count, &ret_cells->present)) {
        return false;
    }
    columns = (unsigned)bits_get(&reader, COLUMNS_BITS);
    if (columns > MINUTE_NUMBERS) {
        return false;
    }
    for (unsigned number = 0; number < MINUTE_NUMBERS; number++) {
        uint64_t present = ret_cells->present;
        uint64_t values[HISTORY_CELLS_MAX] = {0};

        if (number < columns &&
            !get_column(&reader, (size_t)__builtin_popcountll(present), values)) {
            return false;
        }
        for (size_t i = 0; present != 0; present &= present - 1) {
            ret_cells->numbers[number][__builtin_ctzll(present)] = (int64_t)values[i++];
        }
    }
    return bits_at_end(&reader);
}

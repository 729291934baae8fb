/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decimal.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/status.h"

__extension__ typedef unsigned __int128 wide;

enum {
    FRACTION_BITS = 52,
    EXPONENT_MASK = 0x7FF,
    EXPONENT_BIAS = 1075, /* of the fraction read as a whole number */
    DIGITS_MIN = 15,
    DIGITS_MAX = 17,
    FIXED_MIN = -4 /* below, %g writes an exponent */
};

/* Between these a value times the power of ten that makes 17 digits of it is exact in 128 bits. */
#define FAST_MIN 1e-15
#define FAST_MAX 1e14

/* ---- whole numbers -------------------------------------------------------------------------- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

/* Writes the digits so that they end before `end`; returns where they begin. */
static char *write_digits(uint64_t value, char *end)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + (int)value);
    }
    return end;
}

size_t decimal_write_whole(uint64_t value, char ret_bytes[DECIMAL_BYTES_MAX])
{
    char room[24];
    const char *begin = write_digits(value, room + sizeof room);
    size_t length = (size_t)(room + sizeof room - begin);

    memcpy(ret_bytes, begin, length);
    return length;
}

/* ---- the C library's way -------------------------------------------------------------------- */

/* Tells 0 from -0, and needs no == between doubles. */
static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Copies a printed number with the locale's decimal sign, which may have several bytes, as ".". */
static size_t copy_with_point(const char *number, char *ret_copy)
{
    size_t length = 0;

    for (size_t i = 0; number[i] != '\0'; i++) {
        if (strchr("0123456789+-e", number[i]) != NULL)
            ret_copy[length++] = number[i];
        else if (length > 0 && ret_copy[length - 1] != '.')
            ret_copy[length++] = '.';
    }
    return length;
}

size_t decimal_write_slowly(double value, char ret_bytes[DECIMAL_BYTES_MAX])
{
    char number[DECIMAL_BYTES_MAX];

    for (int digits = DIGITS_MIN; digits <= DIGITS_MAX; digits++) {
        (void)snprintf(number, sizeof number, "%.*g", digits, value);
        if (bits_of(strtod(number, NULL)) == bits_of(value))
            break;
    }
    return copy_with_point(number, ret_bytes);
}

/* ---- exact arithmetic ------------------------------------------------------------------------
 *
 * value = mantissa * 2^exponent, and times 10^places it has 17 digits before its point:
 *
 *   value * 10^places = mantissa * 5^places * 2^(exponent + places) = exact / 2^shift
 *
 * `exact` is a whole number below 2^128 (53 bits and at most 75), so digits, what is left of them
 * and the half of the distance to the next double (5^places / 2, in units of 2^-shift) are all
 * exact, and no table of rounded powers has to be trusted. */

struct scaled {
    uint64_t mantissa;
    wide exact;
    wide gap; /* 5^places: the distance to the next double above, in units of 2^-shift */
    int shift, tens;
};

static wide power_of_five(int exponent)
{
    static const uint64_t powers[] = {1,
                                      5,
                                      25,
                                      125,
                                      625,
                                      3125,
                                      15625,
                                      78125,
                                      390625,
                                      1953125,
                                      9765625,
                                      48828125,
                                      244140625,
                                      1220703125,
                                      6103515625,
                                      30517578125,
                                      152587890625,
                                      762939453125,
                                      3814697265625,
                                      19073486328125,
                                      95367431640625,
                                      476837158203125,
                                      2384185791015625,
                                      11920928955078125,
                                      59604644775390625,
                                      298023223876953125,
                                      1490116119384765625,
                                      7450580596923828125};
    int last = (int)(sizeof powers / sizeof powers[0]) - 1;

    return exponent <= last ? powers[exponent] : (wide)powers[last] * powers[exponent - last];
}

static void scale_to(struct scaled *scaled, int exponent, int tens)
{
    int places = DIGITS_MAX - 1 - tens;

    scaled->tens = tens;
    scaled->gap = power_of_five(places);
    scaled->exact = scaled->gap * scaled->mantissa;
    scaled->shift = -(exponent + places);
}

static struct scaled scale(double value)
{
    uint64_t bits = bits_of(value);
    int exponent = (int)(bits >> FRACTION_BITS & EXPONENT_MASK) - EXPONENT_BIAS;
    struct scaled scaled = {.mantissa = (bits & ((UINT64_C(1) << FRACTION_BITS) - 1)) |
                                        UINT64_C(1) << FRACTION_BITS};
    int binary = exponent + FRACTION_BITS; /* 2^binary <= value */
    /* floor(binary * log10(2)): the exponent of ten, or one less. */
    int tens = (binary * 1233 - (binary < 0 ? 4095 : 0)) / 4096;

    scale_to(&scaled, exponent, tens);
    if ((uint64_t)(scaled.exact >> scaled.shift) >= UINT64_C(100000000000000000))
        scale_to(&scaled, exponent, tens + 1);
    return scaled;
}

/* The nearest number of 17 digits less those that `unit` (a power of ten) stands for; between two
 * that are equally near the even one. False: it does not read back as the same double. */
static bool round_to(const struct scaled *scaled, uint64_t unit, uint64_t *ret_digits)
{
    uint64_t all = (uint64_t)(scaled->exact >> scaled->shift);
    uint64_t digits = all / unit;
    wide step = (wide)unit << scaled->shift;
    wide rest =
        ((wide)(all % unit) << scaled->shift) + (scaled->exact & (((wide)1 << scaled->shift) - 1));
    bool up = rest > step / 2 || (rest == step / 2 && digits % 2 == 1);
    wide off = 2 * (up ? step - rest : rest);

    *ret_digits = digits + up;
    if (!up && scaled->mantissa == UINT64_C(1) << FRACTION_BITS)
        return 2 * off <= scaled->gap; /* below a power of two doubles are twice as dense */
    return off < scaled->gap || (off == scaled->gap && scaled->mantissa % 2 == 0);
}

/* Writes digits without zeros at their end, the first of which counts 10^tens, as %g does. */
static size_t lay_out(uint64_t digits, int tens, char *at)
{
    char room[24];
    char *first = write_digits(digits, room + sizeof room);
    int count = (int)(room + sizeof room - first);
    char *begin = at;
    int whole = tens + 1; /* digits before the point */

    if (tens < FIXED_MIN) {
        *at++ = *first++;
        if (count > 1)
            *at++ = '.';
        memcpy(at, first, (size_t)count - 1);
        at += count - 1;
        *at++ = 'e';
        *at++ = '-';
        memcpy(at, pairs + (size_t)-tens * 2, 2); /* -5 to -15 */
        return (size_t)(at + 2 - begin);
    }
    if (tens < 0) {
        memcpy(at, "0.000", 5);
        at += 1 - tens;
        memcpy(at, first, (size_t)count);
        return (size_t)(at + count - begin);
    }
    if (count <= whole) {
        memcpy(at, first, (size_t)count);
        memset(at + count, '0', (size_t)(whole - count));
        return (size_t)whole;
    }
    memcpy(at, first, (size_t)whole);
    at[whole] = '.';
    memcpy(at + whole + 1, first + whole, (size_t)(count - whole));
    return (size_t)count + 1;
}

static size_t write_fast(double value, char *at)
{
    static const uint64_t units[] = {100, 10, 1};
    static const uint64_t limits[] = {UINT64_C(1000000000000000), UINT64_C(10000000000000000),
                                      UINT64_C(100000000000000000)};
    struct scaled scaled = scale(value);
    uint64_t digits = 0;
    size_t i = 0;

    while (!round_to(&scaled, units[i], &digits) && i < 2)
        i++;
    if (digits == limits[i]) { /* 9.99... was rounded to 10 */
        digits = 1;
        scaled.tens++;
    }
    while (digits % 1000 == 0)
        digits /= 1000;
    while (digits % 10 == 0)
        digits /= 10;
    return lay_out(digits, scaled.tens, at);
}

size_t decimal_write(double value, char ret_bytes[DECIMAL_BYTES_MAX])
{
    size_t sign = signbit(value) ? 1 : 0;
    double size = fabs(value);

    if (sign == 1)
        ret_bytes[0] = '-';
    if (size >= FAST_MIN && size < FAST_MAX)
        return sign + write_fast(size, ret_bytes + sign);
    if (bits_of(size) == 0) {
        ret_bytes[sign] = '0';
        return sign + 1;
    }
    return decimal_write_slowly(value, ret_bytes);
}

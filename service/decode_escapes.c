/* SPDX-License-Identifier: Apache-2.0 */
#include "service/decode_escapes.h"

#include <stdint.h>
#include <string.h>

enum { UNIT_BYTES = ESCAPE_UNIT_BYTES, NO_UNIT = 0 };

/* The value of a hex digit, 16 where it is none. */
static uint32_t hex(char digit)
{
    if (digit >= '0' && digit <= '9')
        return (uint32_t)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (uint32_t)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F')
        return (uint32_t)(digit - 'A') + 10;
    return 16;
}

/* The UTF-16 unit of the \uXXXX at `at`; NO_UNIT where there is none, or it is U+0000. */
static uint32_t unit_at(const char *at, const char *end)
{
    uint32_t unit = 0;

    if (end - at < UNIT_BYTES || at[0] != '\\' || at[1] != 'u')
        return NO_UNIT;
    for (int i = 2; i < UNIT_BYTES; i++) {
        uint32_t digit = hex(at[i]);

        if (digit > 15)
            return NO_UNIT;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool is_high(uint32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(uint32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

size_t escape_length(const char *at, const char *end)
{
    uint32_t unit;

    if (end - at < 2)
        return 0;
    if (at[1] != 'u')
        return at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL ? 2 : 0;
    unit = unit_at(at, end);
    if (unit == NO_UNIT || is_low(unit))
        return 0;
    if (!is_high(unit))
        return UNIT_BYTES;
    return is_low(unit_at(at + UNIT_BYTES, end)) ? (size_t)2 * UNIT_BYTES : 0;
}

/* The code point of an escape that has a length; of one that is a control character, 0. */
static uint32_t code_point(const char *at, const char *end)
{
    uint32_t unit;

    if (at[1] != 'u')
        return strchr("\"\\/", at[1]) != NULL ? (uint32_t)(unsigned char)at[1] : 0;
    unit = unit_at(at, end);
    if (is_high(unit))
        unit = 0x10000 + ((unit - 0xD800) << 10) + (unit_at(at + UNIT_BYTES, end) - 0xDC00);
    return unit < 0x20 || unit == 0x7f ? 0 : unit;
}

/* Writes the character in UTF-8; returns its bytes, 1 to 4. */
static size_t put(char *to, uint32_t point)
{
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = bytes - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    to[0] = (char)(leads[bytes] | point);
    return bytes;
}

/* No escape is shorter than what it stands for, so that the text's own length is room enough. */
bool escapes_write(struct escapes *escapes, struct text text, struct text *ret_text)
{
    const char *at = text.bytes, *end = text.bytes + text.length;
    char *begin = escapes->bytes + escapes->used, *to = begin;

    if (text.length > sizeof escapes->bytes - escapes->used)
        return false;
    while (at != end) {
        uint32_t point;

        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        point = code_point(at, end);
        if (point == 0)
            return false;
        to += put(to, point);
        at += escape_length(at, end);
    }
    *ret_text = (struct text){begin, (size_t)(to - begin)};
    escapes->used += ret_text->length;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* For wcwidth(). */
#define _XOPEN_SOURCE 700 /* NOLINT(readability-identifier-naming): the C library's name */

#include "service/printable.h"

#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>

enum { DOTS = 3, MARKS_MAX = 8 };

struct glyph {
    size_t bytes, columns;
    bool shown; /* else a '?' stands for it */
};

/* Marks that turn the order of what stands beside them, so that it reads as something else. */
static bool turns_order(wchar_t sign)
{
    return (sign >= 0x202a && sign <= 0x202e) || (sign >= 0x2066 && sign <= 0x2069) ||
           sign == 0x200e || sign == 0x200f || sign == 0x061c;
}

static struct glyph next_glyph(const char *text, size_t length)
{
    mbstate_t state;
    wchar_t sign = 0;
    size_t bytes = 0;
    int columns = 0;

    memset(&state, 0, sizeof state);
    bytes = mbrtowc(&sign, text, length, &state);
    if (bytes == 0 || bytes > length) { /* no UTF-8: byte by byte */
        return (struct glyph){.bytes = 1, .columns = 1, .shown = false};
    }
    columns = wcwidth(sign);
    if (columns < 0 || turns_order(sign)) {
        return (struct glyph){.bytes = bytes, .columns = 1, .shown = false};
    }
    return (struct glyph){.bytes = bytes, .columns = (size_t)columns, .shown = true};
}

/* The columns of all of it, as far as columns_max + 1. */
static size_t measure(const char *text, size_t columns_max)
{
    size_t length = strlen(text), columns = 0;

    for (size_t at = 0; at < length && columns <= columns_max;) {
        struct glyph glyph = next_glyph(text + at, length - at);

        columns += glyph.columns;
        at += glyph.bytes;
    }
    return columns;
}

size_t printable(const char *text, size_t columns_max, char *ret_text, size_t text_bytes)
{
    size_t length = strlen(text), columns = 0, used = 0, room = columns_max, marks = 0;
    bool cut = false;

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    cut = measure(text, columns_max) > columns_max;
    if (cut && columns_max > DOTS) {
        room = columns_max - DOTS;
    }
    for (size_t at = 0; at < length;) {
        struct glyph glyph = next_glyph(text + at, length - at);
        size_t bytes = glyph.shown ? glyph.bytes : 1;

        /* A heap of accents on one letter is no text either. */
        marks = glyph.columns == 0 ? marks + 1 : 0;
        if (columns + glyph.columns > room || used + bytes + DOTS + 1 > text_bytes) {
            break;
        }
        if (marks <= MARKS_MAX) {
            memcpy(ret_text + used, glyph.shown ? text + at : "?", bytes);
            used += bytes;
            columns += glyph.columns;
        }
        at += glyph.bytes;
    }
    if (cut && columns_max > DOTS) {
        memcpy(ret_text + used, "...", DOTS);
        used += DOTS;
        columns += DOTS;
    }
    ret_text[used] = '\0';
    return columns;
}

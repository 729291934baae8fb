/* SPDX-License-Identifier: Apache-2.0 */
#include "api/writer.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/text.h"
#include "storage/moment.h"

enum { CAPACITY_FIRST = 1024, NUMBER_BYTES = 48 };

void writer_init(struct writer *writer, size_t bytes_max)
{
    *writer = (struct writer){.limit = bytes_max, .status = CTR_OK};
}

void writer_done(struct writer *writer)
{
    free(writer->bytes);
    writer->bytes = NULL;
    writer->length = 0;
    writer->capacity = 0;
}

enum ctr_status writer_take(struct writer *writer, char **ret_bytes, size_t *ret_length)
{
    if (writer->status != CTR_OK)
        return writer->status;
    *ret_bytes = writer->bytes;
    *ret_length = writer->length;
    writer->bytes = NULL;
    writer->length = 0;
    writer->capacity = 0;
    return CTR_OK;
}

/* Frees at once on failure: a document that is cut is worth nothing. */
static bool fail(struct writer *writer, enum ctr_status status)
{
    writer_done(writer);
    writer->status = status;
    return false;
}

static bool reserve(struct writer *writer, size_t more)
{
    size_t capacity = writer->capacity;
    char *bytes;

    if (writer->status != CTR_OK)
        return false;
    if (more > writer->limit - writer->length)
        return fail(writer, CTR_LIMIT);
    if (more <= writer->capacity - writer->length)
        return true;
    if (capacity < CAPACITY_FIRST)
        capacity = CAPACITY_FIRST;
    while (capacity - writer->length < more)
        capacity *= 2; /* at most twice a limit that is far below SIZE_MAX / 2 */
    bytes = realloc(writer->bytes, capacity);
    if (bytes == NULL)
        return fail(writer, CTR_NO_MEMORY);
    writer->bytes = bytes;
    writer->capacity = capacity;
    return true;
}

void writer_plain(struct writer *writer, const char *bytes, size_t length)
{
    if (length == 0 || !reserve(writer, length))
        return;
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

void writer_format(struct writer *writer, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    CTR_ASSERT(length >= 0 && (size_t)length < sizeof line);
    writer_plain(writer, line, (size_t)length);
}

static void begin_value(struct writer *writer)
{
    if (writer->comma_due)
        writer_plain(writer, ",", 1);
    writer->comma_due = true;
}

void writer_open(struct writer *writer, char bracket)
{
    begin_value(writer);
    writer_plain(writer, &bracket, 1);
    writer->comma_due = false;
}

void writer_close(struct writer *writer, char bracket)
{
    writer_plain(writer, &bracket, 1);
    writer->comma_due = true;
}

void writer_key(struct writer *writer, const char *name)
{
    begin_value(writer);
    writer_plain(writer, "\"", 1);
    writer_plain(writer, name, strlen(name));
    writer_plain(writer, "\":", 2);
    writer->comma_due = false;
}

static void escape(struct writer *writer, unsigned char byte)
{
    static const char plain[] = "\b\f\n\r\t\"\\";
    static const char named[] = "bfnrt\"\\";
    const char *found = byte == '\0' ? NULL : strchr(plain, byte);
    char sequence[8];
    int length = found != NULL ? snprintf(sequence, sizeof sequence, "\\%c", named[found - plain])
                               : snprintf(sequence, sizeof sequence, "\\u%04X", byte);

    writer_plain(writer, sequence, (size_t)length);
}

/* The inside of a string. */
static void write_escaped(struct writer *writer, struct text text)
{
    size_t start = 0;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];

        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        writer_plain(writer, text.bytes + start, i - start);
        escape(writer, byte);
        start = i + 1;
    }
    writer_plain(writer, text.bytes + start, text.length - start);
}

void writer_text(struct writer *writer, struct text text)
{
    begin_value(writer);
    writer_plain(writer, "\"", 1);
    write_escaped(writer, text);
    writer_plain(writer, "\"", 1);
}

void writer_repaired(struct writer *writer, const char *string)
{
    struct text rest = text_of(string);

    begin_value(writer);
    writer_plain(writer, "\"", 1);
    while (rest.length > 0) {
        size_t length = text_character_length(rest);

        if (length > 0)
            write_escaped(writer, (struct text){rest.bytes, length});
        else
            writer_plain(writer, "\xEF\xBF\xBD", 3);
        rest.bytes += length > 0 ? length : 1;
        rest.length -= length > 0 ? length : 1;
    }
    writer_plain(writer, "\"", 1);
}

void writer_string(struct writer *writer, const char *string)
{
    writer_text(writer, (struct text){string, strlen(string)});
}

void writer_u64(struct writer *writer, uint64_t value)
{
    begin_value(writer);
    writer_format(writer, "%" PRIu64, value);
}

void writer_i64(struct writer *writer, int64_t value)
{
    begin_value(writer);
    writer_format(writer, "%" PRId64, value);
}

void writer_bool(struct writer *writer, bool value)
{
    begin_value(writer);
    writer_plain(writer, value ? "true" : "false", value ? 4 : 5);
}

void writer_null(struct writer *writer)
{
    begin_value(writer);
    writer_plain(writer, "null", 4);
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

/* Tells 0 from -0, and needs no == between doubles. */
static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void writer_real(struct writer *writer, double value)
{
    char number[NUMBER_BYTES];
    char copy[NUMBER_BYTES];

    if (!isfinite(value)) {
        writer_null(writer);
        return;
    }
    /* 15 digits survive text -> double -> text, so where they read back nothing shorter was cut
     * away; 17 always read back. */
    for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        (void)snprintf(number, sizeof number, "%.*g", digits, value);
        if (bits_of(strtod(number, NULL)) == bits_of(value))
            break;
    }
    begin_value(writer);
    writer_plain(writer, copy, copy_with_point(number, copy));
}

void writer_time(struct writer *writer, int64_t time_ms)
{
    char text[MOMENT_TEXT_BYTES];

    if (time_ms == MOMENT_NONE) {
        writer_null(writer);
        return;
    }
    if (time_ms < MOMENT_MIN_MS)
        time_ms = MOMENT_MIN_MS;
    if (time_ms > EVENT_TS_MS_MAX)
        time_ms = EVENT_TS_MS_MAX;
    moment_format(time_ms, text);
    writer_string(writer, text);
}

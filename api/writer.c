/* SPDX-License-Identifier: Apache-2.0 */
#include "api/writer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/decimal.h"
#include "api/text.h"
#include "storage/moment.h"

enum { CAPACITY_FIRST = 1024 };

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
    size_t length = strlen(name);
    char *at;

    if (!reserve(writer, length + 4))
        return;
    at = writer->bytes + writer->length;
    if (writer->comma_due)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, name, length);
    at += length;
    memcpy(at, "\":", 2);
    writer->length = (size_t)(at + 2 - writer->bytes);
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

void writer_value(struct writer *writer, const char *json, size_t length)
{
    begin_value(writer);
    writer_plain(writer, json, length);
}

void writer_expect(struct writer *writer, size_t bytes)
{
    size_t left = writer->limit - writer->length;

    (void)reserve(writer, bytes < left ? bytes : left);
}

void writer_string(struct writer *writer, const char *string)
{
    writer_text(writer, (struct text){string, strlen(string)});
}

void writer_u64(struct writer *writer, uint64_t value)
{
    char number[DECIMAL_BYTES_MAX];

    begin_value(writer);
    writer_plain(writer, number, decimal_write_whole(value, number));
}

void writer_i64(struct writer *writer, int64_t value)
{
    char number[DECIMAL_BYTES_MAX] = "-";
    size_t sign = value < 0 ? 1 : 0;
    uint64_t size = sign == 1 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;

    begin_value(writer);
    writer_plain(writer, number, sign + decimal_write_whole(size, number + sign));
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

void writer_real(struct writer *writer, double value)
{
    char number[DECIMAL_BYTES_MAX];

    if (!isfinite(value)) {
        writer_null(writer);
        return;
    }
    begin_value(writer);
    writer_plain(writer, number, decimal_write(value, number));
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

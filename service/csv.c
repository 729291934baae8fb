/* SPDX-License-Identifier: Apache-2.0
 *
 * A row is gathered field by field into one fixed buffer, so the texts handed out can point into
 * it. Each field reader takes bytes up to and including what ends the field (separator, line feed
 * or end of file) and returns that byte; any error first runs on to the end of the line.
 */
#include "service/csv.h"

#include <stdbool.h>
#include <stdlib.h>

struct csv_reader {
    FILE *stream;
    int separator;
    uint64_t line; /* of the next byte */
    bool begun;    /* the byte order mark was looked for */
    int unread[2]; /* bytes looked at and given back, never line feeds */
    size_t unread_count;
    size_t fields_count;
    size_t bytes_count;
    struct text fields[CSV_FIELDS_MAX];
    char bytes[CSV_ROW_BYTES_MAX];
};

enum ctr_status csv_new(FILE *stream, char separator, struct csv_reader **ret_reader)
{
    struct csv_reader *reader = malloc(sizeof *reader);

    if (!reader) {
        return CTR_NO_MEMORY;
    }
    reader->stream = stream;
    reader->separator = (unsigned char)separator;
    reader->line = 1;
    reader->begun = false;
    reader->unread_count = 0;
    *ret_reader = reader;
    return CTR_OK;
}

void csv_free(struct csv_reader *reader)
{
    free(reader);
}

static int take(struct csv_reader *reader)
{
    int byte;

    if (reader->unread_count > 0) {
        return reader->unread[--reader->unread_count];
    }
    byte = getc_unlocked(reader->stream);
    if (byte == '\n') {
        reader->line++;
    }
    return byte;
}

static void give_back(struct csv_reader *reader, int byte)
{
    reader->unread[reader->unread_count++] = byte;
}

/* False: the row is larger than the buffer. */
static bool keep(struct csv_reader *reader, int byte)
{
    if (reader->bytes_count == sizeof reader->bytes) {
        return false;
    }
    reader->bytes[reader->bytes_count++] = (char)byte;
    return true;
}

static bool ends_field(const struct csv_reader *reader, int byte)
{
    return byte == reader->separator || byte == '\n' || byte == EOF;
}

static enum ctr_status skip_line(struct csv_reader *reader, int byte, struct ctr_error *reterr,
                                 const char *reason)
{
    while (byte != '\n' && byte != EOF) {
        byte = take(reader);
    }
    return ctr_fail(reterr, CTR_INVALID, "%s", reason);
}

static const char too_long[] = "the row is longer than 256 KiB; is a quote left open before it?";

/* `byte` is the first of the field. *ret_end becomes the byte that ended it. */
static enum ctr_status read_plain(struct csv_reader *reader, int byte, int *ret_end,
                                  struct ctr_error *reterr)
{
    size_t start = reader->bytes_count;

    while (!ends_field(reader, byte)) {
        if (byte == '"') {
            return skip_line(reader, byte, reterr,
                             "a quote inside a field that does not begin with one; quote the whole "
                             "field and double the quotes in it");
        }
        if (!keep(reader, byte)) {
            return skip_line(reader, byte, reterr, too_long);
        }
        byte = take(reader);
    }
    if (byte == '\n' && reader->bytes_count > start &&
        reader->bytes[reader->bytes_count - 1] == '\r') {
        reader->bytes_count--; /* CR LF ends a line, too */
    }
    *ret_end = byte;
    return CTR_OK;
}

/* A carriage return was taken: the line feed or end behind it, else the return itself. */
static int take_after_return(struct csv_reader *reader)
{
    int byte = take(reader);

    if (byte == '\n' || byte == EOF) {
        return byte;
    }
    give_back(reader, byte);
    return '\r';
}

/* The opening quote was taken. */
static enum ctr_status read_quoted(struct csv_reader *reader, int *ret_end,
                                   struct ctr_error *reterr)
{
    for (;;) {
        int byte = take(reader);

        if (byte == EOF) {
            return ctr_fail(reterr, CTR_INVALID, "a quoted field is not closed before the end");
        }
        if (byte == '"') {
            byte = take(reader);
            if (byte == '\r') {
                byte = take_after_return(reader);
            }
            if (ends_field(reader, byte)) {
                *ret_end = byte;
                return CTR_OK;
            }
            if (byte != '"') {
                return skip_line(reader, byte, reterr,
                                 "text after a closing quote; double the quotes inside a field");
            }
        }
        if (!keep(reader, byte)) {
            return skip_line(reader, byte, reterr, too_long);
        }
    }
}

static enum ctr_status read_field(struct csv_reader *reader, int first, int *ret_end,
                                  struct ctr_error *reterr)
{
    size_t start = reader->bytes_count;
    enum ctr_status status;

    if (reader->fields_count == CSV_FIELDS_MAX) {
        return skip_line(reader, first, reterr, "the row has more than 1024 fields");
    }
    status = first == '"' ? read_quoted(reader, ret_end, reterr)
                          : read_plain(reader, first, ret_end, reterr);
    if (status != CTR_OK) {
        return status;
    }
    reader->fields[reader->fields_count++] =
        (struct text){.bytes = reader->bytes + start, .length = reader->bytes_count - start};
    return CTR_OK;
}

/* The first byte of the stream behind a byte order mark (EF BB BF), if there is one. */
static int take_first(struct csv_reader *reader)
{
    int first = take(reader);
    int second, third;

    if (first != 0xEF) {
        return first;
    }
    second = take(reader);
    third = second == 0xBB ? take(reader) : EOF;
    if (third == 0xBF) {
        return take(reader);
    }
    if (second == 0xBB) {
        give_back(reader, third);
    }
    give_back(reader, second);
    return first;
}

/* The first byte of the next row that is not empty, or EOF. */
static int begin_row(struct csv_reader *reader, struct csv_row *ret_row)
{
    int byte;

    do {
        ret_row->line = reader->line;
        byte = reader->begun ? take(reader) : take_first(reader);
        reader->begun = true;
        if (byte == '\r') {
            byte = take_after_return(reader);
        }
    } while (byte == '\n');
    return byte;
}

enum ctr_status csv_read(struct csv_reader *reader, struct csv_row *ret_row,
                         struct ctr_error *reterr)
{
    int byte = begin_row(reader, ret_row);
    enum ctr_status status;
    int end = EOF;

    reader->fields_count = 0;
    reader->bytes_count = 0;
    if (byte == EOF && !ferror(reader->stream)) {
        return CTR_STOPPED;
    }
    for (;;) {
        status = read_field(reader, byte, &end, reterr);
        if (ferror(reader->stream)) {
            return ctr_fail(reterr, CTR_IO, "reading failed");
        }
        if (status != CTR_OK) {
            return status;
        }
        if (end != reader->separator) {
            break;
        }
        byte = take(reader);
    }
    ret_row->fields = reader->fields;
    ret_row->count = reader->fields_count;
    return CTR_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Both kinds of input end in the decoder of the service, so that what a replay lets through is
 * exactly what the service will count.
 */
#include "service/replay_reader.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/csv.h"
#include "service/decode.h"
#include "service/near.h"
#include "service/replay_encode.h"

/* Of a record made from a row: five texts of 512 bytes, each byte at most escaped to six. */
enum { ENCODED_BYTES_MAX = 16384 };

struct replay_reader {
    const struct replay_options *options;
    const char *name;
    FILE *stream;
    struct decoder *decoder;
    enum topic_type type;
    uint64_t line; /* of the NDJSON line read last */
    char *bytes;   /* NDJSON: one line and a byte more; CSV: room for two records */
    struct csv_reader *csv;
    struct replay_columns columns;
    struct replay_row row;
};

const char *replay_reader_name(const struct replay_reader *reader)
{
    return reader->name;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (strcmp(path, "-") == 0) {
        return "stdin";
    }
    return slash ? slash + 1 : path;
}

/* Offers what lies in the directory of `path`. */
static void add_neighbours(struct near_miss *miss, const char *path)
{
    char directory[4096];
    size_t length = (size_t)(base_name(path) - path);
    struct dirent **entries = NULL;
    int count;

    if (length >= sizeof directory) {
        return;
    }
    memcpy(directory, path, length);
    directory[length] = '\0';
    count = scandir(length ? directory : ".", &entries, NULL, NULL);
    for (int i = 0; i < count; i++) {
        near_miss_add(miss, entries[i]->d_name, strlen(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}

static enum ctr_status open_stream(struct replay_reader *reader, const char *path,
                                   struct ctr_error *reterr)
{
    struct near_miss miss;
    char reason[128] = "";
    int error;

    if (strcmp(path, "-") == 0) {
        reader->stream = stdin;
        return CTR_OK;
    }
    reader->stream = fopen(path, "rb");
    if (reader->stream) {
        return CTR_OK;
    }
    error = errno;
    near_miss_init(&miss, reader->name);
    if (error == ENOENT) {
        add_neighbours(&miss, path);
    }
    (void)strerror_r(error, reason, sizeof reason);
    return ctr_fail(reterr, error == ENOENT ? CTR_NOT_FOUND : CTR_IO, "cannot open %s: %s%s", path,
                    reason, near_miss_sentence(&miss));
}

static enum ctr_status open_csv(struct replay_reader *reader, const char *path,
                                struct ctr_error *reterr)
{
    struct csv_row header = {0};
    struct ctr_error problem = {0};
    enum ctr_status status;

    if (csv_new(reader->stream, reader->options->separator, &reader->csv) != CTR_OK) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    status = csv_read(reader->csv, &header, &problem);
    if (status == CTR_STOPPED) {
        return ctr_fail(reterr, CTR_INVALID, "%s: empty; the first row must name the columns",
                        path);
    }
    if (status == CTR_OK) {
        status = replay_map_bind(&reader->options->map, &header, &reader->columns, &problem);
    }
    if (status != CTR_OK) {
        return ctr_fail(reterr, status, "%s:%llu: %s", path, (unsigned long long)header.line,
                        problem.text);
    }
    return CTR_OK;
}

static enum topic_type given_type(const struct replay_options *options)
{
    const char *type = options->csv ? NULL : options->map.constants[REPLAY_TYPE];

    if (!type) {
        return TOPIC_TYPE_FROM_EVENT;
    }
    return strcmp(type, "view") == 0 ? TOPIC_TYPE_VIEW : TOPIC_TYPE_CLICK;
}

enum ctr_status replay_reader_open(const struct replay_options *options, size_t index,
                                   struct replay_reader **ret_reader, struct ctr_error *reterr)
{
    const char *path = options->files[index];
    size_t line_bytes = (size_t)options->config.record_bytes_max + 1;
    struct replay_reader *reader = calloc(1, sizeof *reader);
    enum ctr_status status;

    if (!reader) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    reader->options = options;
    reader->name = base_name(path);
    reader->type = given_type(options);
    status = open_stream(reader, path, reterr);
    if (status != CTR_OK) {
        goto out;
    }
    reader->bytes = malloc(options->csv ? 2 * (size_t)ENCODED_BYTES_MAX : line_bytes);
    if (!reader->bytes) {
        status = ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    if (status == CTR_OK) {
        status = decoder_new(&options->config, &reader->decoder, reterr);
    }
    if (status == CTR_OK && options->csv) {
        status = open_csv(reader, path, reterr);
    }
out:
    if (status == CTR_OK) {
        *ret_reader = reader;
    } else {
        replay_reader_close(reader);
    }
    return status;
}

void replay_reader_close(struct replay_reader *reader)
{
    if (!reader) {
        return;
    }
    if (reader->stream && reader->stream != stdin) {
        (void)fclose(reader->stream); /* only ever read from */
    }
    csv_free(reader->csv);
    decoder_free(reader->decoder);
    free(reader->bytes);
    free(reader);
}

/* What the service will make of `bytes`: CTR_INVALID with its reason, or an event, borrowed from
 * the decoder until the next call. */
static enum ctr_status judge(struct replay_reader *reader, struct text bytes,
                             struct event *ret_event, struct ctr_error *reterr)
{
    struct decoded decoded;

    decode_record(reader->decoder, bytes.bytes, bytes.length, reader->type, &decoded);
    if (decoded.no_memory) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to decode an event");
    }
    if (!decoded.is_event) {
        return ctr_fail(reterr, CTR_INVALID, "%s: %s", malformed_reason_name(decoded.reason),
                        decoded.detail);
    }
    if (decoded.event.ts_ms == 0) {
        return ctr_fail(reterr, CTR_INVALID, "an event time of 0 cannot be a record's time");
    }
    *ret_event = decoded.event;
    return CTR_OK;
}

/* Reads up to the line end, which is taken and not kept, nor is what exceeds the buffer by more
 * than a byte: that one makes the record too long. False at the end of the file. */
static bool read_line(struct replay_reader *reader, struct text *ret_line)
{
    size_t limit = (size_t)reader->options->config.record_bytes_max + 1;
    size_t length = 0;
    int byte = getc_unlocked(reader->stream);

    if (byte == EOF) {
        return false;
    }
    for (; byte != '\n' && byte != EOF; byte = getc_unlocked(reader->stream)) {
        if (length < limit) {
            reader->bytes[length++] = (char)byte;
        }
    }
    reader->line++;
    *ret_line = (struct text){.bytes = reader->bytes, .length = length};
    return true;
}

static bool blank(struct text line)
{
    for (size_t i = 0; i < line.length; i++) {
        if (!strchr(" \t\r", line.bytes[i]) || line.bytes[i] == '\0') {
            return false;
        }
    }
    return true;
}

static enum ctr_status read_failed(struct ctr_error *reterr)
{
    char reason[128] = "";

    (void)strerror_r(errno, reason, sizeof reason);
    return ctr_fail(reterr, CTR_IO, "reading failed: %s", reason);
}

static enum ctr_status next_line(struct replay_reader *reader, struct replay_record *ret_record,
                                 struct ctr_error *reterr)
{
    struct text line;

    do {
        bool more = read_line(reader, &line);

        if (ferror(reader->stream)) {
            return read_failed(reterr);
        }
        if (!more) {
            return CTR_STOPPED;
        }
    } while (blank(line));
    ret_record->line = reader->line;
    ret_record->count = 1;
    ret_record->drafts[0].bytes = line;
    return judge(reader, line, &ret_record->drafts[0].event, reterr);
}

/* Writes the record of `event` and sees that the service will read it. */
static enum ctr_status draft(struct replay_reader *reader, size_t slot, const struct event *event,
                             struct replay_draft *ret_draft, struct ctr_error *reterr)
{
    char *bytes = reader->bytes + slot * ENCODED_BYTES_MAX;
    struct event decoded;

    ret_draft->event = *event;
    ret_draft->bytes.bytes = bytes;
    ret_draft->bytes.length = replay_encode(event, bytes, ENCODED_BYTES_MAX);
    if (ret_draft->bytes.length == 0) {
        return ctr_fail(reterr, CTR_INVALID, "%s", malformed_reason_name(MALFORMED_TOO_LONG));
    }
    return judge(reader, ret_draft->bytes, &decoded, reterr);
}

static enum ctr_status next_row(struct replay_reader *reader, struct replay_record *ret_record,
                                struct ctr_error *reterr)
{
    struct replay_row *row = &reader->row;
    struct csv_row csv_row = {0};
    enum ctr_status status = csv_read(reader->csv, &csv_row, reterr);

    ret_record->line = csv_row.line;
    if (status == CTR_OK) {
        status = replay_map_read(&reader->columns, &csv_row, reader->name, row, reterr);
    }
    if (status != CTR_OK) {
        return status;
    }
    ret_record->count = row->has_click ? 2 : 1;
    status = draft(reader, 0, &row->view, &ret_record->drafts[0], reterr);
    if (status == CTR_OK && row->has_click) {
        status = draft(reader, 1, &row->click, &ret_record->drafts[1], reterr);
    }
    return status;
}

enum ctr_status replay_reader_next(struct replay_reader *reader, struct replay_record *ret_record,
                                   struct ctr_error *reterr)
{
    return reader->csv ? next_row(reader, ret_record, reterr)
                       : next_line(reader, ret_record, reterr);
}

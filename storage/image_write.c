/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/fault_point.h"
#include "storage/hash.h"
#include "storage/image_internal.h"

enum {
    SYNC_BYTES = 16 << 20, /* so that a save never waits for much of an image */
    BUFFER_BYTES = 1 << 16 /* pieces are small: the people of one part are a few KB */
};

struct image_writer {
    int file;
    uint64_t cut, batches; /* whose batches it takes, and the next one */
    uint64_t token, pieces;
    size_t unsynced, buffered;
    char buffer[BUFFER_BYTES];
};

size_t image_item_bytes(enum image_kind kind)
{
    switch (kind) {
    case IMAGE_PEOPLE:
        return sizeof(uint32_t);
    case IMAGE_IDS:
        return sizeof(uint64_t);
    case IMAGE_CLICKS:
        return sizeof(struct image_click);
    case IMAGE_SHORT:
        return sizeof(struct image_short);
    case IMAGE_END:
        break;
    }
    return 1;
}

void image_batch_free(struct image_batch *batch)
{
    if (batch != NULL) {
        for (size_t i = 0; i < batch->count; i++) {
            free(batch->pieces[i].items);
        }
        free(batch->pieces);
        free(batch);
    }
}

uint64_t image_header_checksum(const struct image_header *header)
{
    return hash_checksum(header, offsetof(struct image_header, checksum));
}

uint64_t image_piece_checksum(const struct image_piece_header *header, const void *items,
                              uint64_t token, uint64_t at)
{
    uint64_t sum = hash_checksum(header, offsetof(struct image_piece_header, checksum));

    return hash_mix(hash_mix(sum, token, at), hash_checksum(items, header->bytes), 0);
}

static enum ctr_status write_all(int file, const void *bytes, size_t length,
                                 struct ctr_error *reterr)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t written = write(file, at, length);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return ctr_fail(reterr, CTR_IO, "writing an image: %s", strerror(errno));
        }
        at += written;
        length -= (size_t)written;
    }
    return CTR_OK;
}

static enum ctr_status flush(struct image_writer *writer, struct ctr_error *reterr)
{
    size_t length = writer->buffered;

    writer->buffered = 0;
    return write_all(writer->file, writer->buffer, length, reterr);
}

static enum ctr_status put(struct image_writer *writer, const void *bytes, size_t length,
                           struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    if (length > BUFFER_BYTES - writer->buffered) {
        status = flush(writer, reterr);
    }
    if (status != CTR_OK || length > BUFFER_BYTES) {
        return status != CTR_OK ? status : write_all(writer->file, bytes, length, reterr);
    }
    if (length > 0) { /* the last piece has no items */
        memcpy(writer->buffer + writer->buffered, bytes, length);
        writer->buffered += length;
    }
    return CTR_OK;
}

static enum ctr_status sync_file(struct image_writer *writer, struct ctr_error *reterr)
{
    enum ctr_status status = flush(writer, reterr);

    writer->unsynced = 0;
    if (status != CTR_OK) {
        return status;
    }
    if (fdatasync(writer->file) != 0) {
        return ctr_fail(reterr, CTR_IO, "syncing an image: %s", strerror(errno));
    }
    return CTR_OK;
}

enum ctr_status image_writer_open(const char *path, uint64_t token, const struct image_batch *batch,
                                  struct image_writer **ret_writer, struct ctr_error *reterr)
{
    struct image_writer *writer = calloc(1, sizeof *writer);
    struct image_header header = {.magic = IMAGE_MAGIC,
                                  .order = IMAGE_ORDER,
                                  .version = IMAGE_VERSION,
                                  .time_bits = PEOPLE_TIME_BITS,
                                  .parts = PEOPLE_PARTS,
                                  .token = token,
                                  .cut = batch->cut,
                                  .secret_check = batch->secret_check};
    enum ctr_status status = CTR_OK;

    if (writer == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for an image");
    }
    header.checksum = image_header_checksum(&header);
    writer->token = token;
    writer->cut = batch->cut;
    writer->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (writer->file < 0) {
        status = ctr_fail(reterr, CTR_IO, "%.200s: %s", path, strerror(errno));
    } else {
        status = put(writer, &header, sizeof header, reterr);
    }
    if (status != CTR_OK) {
        image_writer_close(writer);
        return status;
    }
    *ret_writer = writer;
    return CTR_OK;
}

static enum ctr_status write_piece(struct image_writer *writer, const struct image_batch *batch,
                                   const struct image_piece *piece, struct ctr_error *reterr)
{
    struct image_piece_header header = {.kind = (uint32_t)piece->kind,
                                        .count = (uint32_t)piece->count,
                                        .number = piece->number,
                                        .to_ms = batch->to_ms,
                                        .bytes = piece->count * image_item_bytes(piece->kind)};
    enum ctr_status status = CTR_OK;

    header.checksum = image_piece_checksum(&header, piece->items, writer->token, writer->pieces++);
    status = put(writer, &header, sizeof header, reterr);
    if (status == CTR_OK) {
        status = put(writer, piece->items, header.bytes, reterr);
    }
    writer->unsynced += sizeof header + header.bytes;
    if (status == CTR_OK && writer->unsynced >= SYNC_BYTES) {
        status = sync_file(writer, reterr);
    }
    return status;
}

bool image_writer_takes(const struct image_writer *writer, const struct image_batch *batch)
{
    return batch->cut == writer->cut && batch->number == writer->batches;
}

enum ctr_status image_writer_add(struct image_writer *writer, const struct image_batch *batch,
                                 struct ctr_error *reterr)
{
    const struct image_piece end = {.kind = IMAGE_END, .number = (int64_t)writer->pieces};
    enum ctr_status status = CTR_OK;

    FAULT_POINT("image_batch");
    writer->batches++;
    for (size_t i = 0; i < batch->count && status == CTR_OK; i++) {
        status = write_piece(writer, batch, &batch->pieces[i], reterr);
    }
    if (status == CTR_OK && batch->last) {
        struct image_piece last = end;

        last.number = (int64_t)writer->pieces;
        FAULT_POINT("image_end");
        status = write_piece(writer, batch, &last, reterr);
        if (status == CTR_OK) {
            status = sync_file(writer, reterr);
        }
        FAULT_POINT("image_complete");
    }
    return status;
}

uint64_t image_writer_token(const struct image_writer *writer)
{
    return writer->token;
}

void image_writer_close(struct image_writer *writer)
{
    if (writer != NULL) {
        if (writer->file >= 0) {
            (void)close(writer->file);
        }
        free(writer);
    }
}

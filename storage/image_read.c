/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing in the file is believed before its checksum was seen to be right; and what is, must still
 * be what the tables can hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/event.h"
#include "storage/image_internal.h"
#include "storage/minutes.h"
#include "storage/moment.h"

struct image_reader {
    struct image *image;
    int file;
    uint64_t pieces;
    unsigned char *bytes; /* of a piece */
    size_t capacity;
    bool started;
    pthread_t thread;
    enum ctr_status status;
};

static enum ctr_status read_all(int file, void *bytes, size_t length)
{
    char *at = bytes;

    while (length > 0) {
        ssize_t got = read(file, at, length);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? CTR_CORRUPT : CTR_IO;
        }
        at += got;
        length -= (size_t)got;
    }
    return CTR_OK;
}

static enum ctr_status read_header(struct image_reader *reader, uint64_t token)
{
    struct image *image = reader->image;
    struct image_header header;
    enum ctr_status status = read_all(reader->file, &header, sizeof header);

    if (status != CTR_OK) {
        return status;
    }
    if (header.magic != IMAGE_MAGIC || header.order != IMAGE_ORDER ||
        header.version != IMAGE_VERSION || header.time_bits != PEOPLE_TIME_BITS ||
        header.parts != PEOPLE_PARTS || header.token != token) {
        return CTR_NOT_FOUND;
    }
    image->token = header.token;
    image->cut = header.cut;
    image->secret_check = header.secret_check;
    return header.checksum == image_header_checksum(&header) ? CTR_OK : CTR_CORRUPT;
}

static enum ctr_status make_room(struct image_reader *reader, size_t bytes)
{
    if (bytes > reader->capacity) {
        unsigned char *grown = realloc(reader->bytes, bytes);

        if (grown == NULL) {
            return CTR_NO_MEMORY;
        }
        reader->bytes = grown;
        reader->capacity = bytes;
    }
    return CTR_OK;
}

static enum ctr_status read_piece(struct image_reader *reader,
                                  struct image_piece_header *ret_header)
{
    enum ctr_status status = read_all(reader->file, ret_header, sizeof *ret_header);

    if (status != CTR_OK) {
        return status;
    }
    if (ret_header->kind < IMAGE_PEOPLE || ret_header->kind > IMAGE_END ||
        ret_header->bytes > IMAGE_PIECE_BYTES_MAX ||
        ret_header->bytes !=
            ret_header->count * image_item_bytes((enum image_kind)ret_header->kind)) {
        return CTR_CORRUPT;
    }
    status = make_room(reader, ret_header->bytes + 1);
    if (status == CTR_OK) {
        status = read_all(reader->file, reader->bytes, ret_header->bytes);
    }
    if (status == CTR_OK &&
        ret_header->checksum !=
            image_piece_checksum(ret_header, reader->bytes, reader->image->token, reader->pieces)) {
        status = CTR_CORRUPT;
    }
    reader->pieces++;
    return status;
}

/* Appends items to a list that grows. */
static enum ctr_status append(void **list, size_t *count, size_t *capacity, size_t item_bytes,
                              const void *items, size_t more)
{
    if (*count + more > *capacity) {
        size_t wanted = (*count + more) * 2;
        void *grown = realloc(*list, wanted * item_bytes);

        if (grown == NULL) {
            return CTR_NO_MEMORY;
        }
        *list = grown;
        *capacity = wanted;
    }
    if (more > 0) {
        memcpy((char *)*list + *count * item_bytes, items, more * item_bytes);
        *count += more;
    }
    return CTR_OK;
}

static enum ctr_status take_clicks(struct image *image, const void *items, size_t count)
{
    void *list = image->clicks;
    enum ctr_status status = append(&list, &image->clicks_count, &image->clicks_capacity,
                                    sizeof *image->clicks, items, count);

    image->clicks = list;
    return status;
}

static enum ctr_status take_shorts(struct image *image, const void *items, size_t count)
{
    void *list = image->shorts;
    enum ctr_status status = append(&list, &image->shorts_count, &image->shorts_capacity,
                                    sizeof *image->shorts, items, count);

    image->shorts = list;
    return status;
}

/* The items need an alignment that malloc'd bytes have. */
static enum ctr_status take_piece(struct image *image, const struct image_piece_header *header,
                                  const void *items)
{
    switch ((enum image_kind)header->kind) {
    case IMAGE_PEOPLE:
        if (header->number < 0 || header->number >= PEOPLE_PARTS) {
            return CTR_CORRUPT;
        }
        return people_load_part(&image->people, (size_t)header->number, items, header->count);
    case IMAGE_IDS:
        if (header->number != moment_floor(header->number, MINUTE_MS) ||
            header->number > EVENT_TS_MS_MAX || header->number < -EVENT_TS_MS_MAX) {
            return CTR_CORRUPT;
        }
        return ids_load(&image->ids, header->number, items, header->count);
    case IMAGE_CLICKS:
        return take_clicks(image, items, header->count);
    case IMAGE_SHORT:
        return take_shorts(image, items, header->count);
    case IMAGE_END:
        break;
    }
    return CTR_CORRUPT;
}

static enum ctr_status read_end(struct image_reader *reader,
                                const struct image_piece_header *header)
{
    char more = 0;

    return header->number == (int64_t)reader->pieces - 1 && header->count == 0 &&
                   read(reader->file, &more, 1) == 0
               ? CTR_OK
               : CTR_CORRUPT;
}

static enum ctr_status read_pieces(struct image_reader *reader)
{
    struct image *image = reader->image;

    for (;;) {
        struct image_piece_header header;
        enum ctr_status status = read_piece(reader, &header);

        if (status != CTR_OK) {
            return status;
        }
        image->to_ms = header.to_ms > image->to_ms ? header.to_ms : image->to_ms;
        if (header.kind == IMAGE_END) {
            return read_end(reader, &header);
        }
        status = take_piece(image, &header, reader->bytes);
        if (status != CTR_OK) {
            return status;
        }
    }
}

static void *run(void *argument)
{
    struct image_reader *reader = argument;

    reader->status = read_pieces(reader);
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */

static enum ctr_status image_new(struct image **ret_image)
{
    struct image *image = calloc(1, sizeof *image);

    if (image == NULL || people_init(&image->people, 0, UINT64_MAX) != CTR_OK) {
        free(image);
        return CTR_NO_MEMORY;
    }
    ids_init(&image->ids, UINT64_MAX);
    image->to_ms = MOMENT_NONE;
    *ret_image = image;
    return CTR_OK;
}

static enum ctr_status reader_new(int file, struct image *image)
{
    image->reader = calloc(1, sizeof *image->reader);
    if (image->reader == NULL) {
        return CTR_NO_MEMORY;
    }
    *image->reader = (struct image_reader){.image = image, .file = file};
    return CTR_OK;
}

enum ctr_status image_open(const char *path, uint64_t token, struct image **ret_image)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct image *image = NULL;
    enum ctr_status status = CTR_OK;

    if (file < 0) {
        return errno == ENOENT ? CTR_NOT_FOUND : CTR_IO;
    }
    status = image_new(&image);
    if (status == CTR_OK) {
        status = reader_new(file, image);
    }
    if (status != CTR_OK) {
        (void)close(file);
    } else {
        status = read_header(image->reader, token);
    }
    if (status != CTR_OK) {
        image_free(image);
        return status;
    }
    image->reader->started = pthread_create(&image->reader->thread, NULL, run, image->reader) == 0;
    if (!image->reader->started) {
        (void)run(image->reader);
    }
    *ret_image = image;
    return CTR_OK;
}

enum ctr_status image_wait(struct image *image)
{
    struct image_reader *reader = image->reader;
    enum ctr_status status = CTR_OK;

    CTR_ASSERT(reader != NULL);
    if (reader->started) {
        (void)pthread_join(reader->thread, NULL);
    }
    status = reader->status;
    (void)close(reader->file);
    free(reader->bytes);
    free(reader);
    image->reader = NULL;
    return status;
}

void image_free(struct image *image)
{
    if (image == NULL) {
        return;
    }
    if (image->reader != NULL && image_wait(image) != CTR_OK) {
        image->to_ms = MOMENT_NONE; /* nobody wanted to know */
    }
    people_done(&image->people);
    ids_done(&image->ids);
    free(image->clicks);
    free(image->shorts);
    free(image);
}

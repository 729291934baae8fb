/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "storage/hash.h"
#include "storage/picture.h"
#include "storage/prefetch.h"

enum { ROW_BYTES_USUAL = 384 };

struct slot_head {
    uint64_t hash;
    uint64_t picture; /* as rows->picture when it was made; 0: empty */
    uint64_t batch;   /* that found it last: it stays for as long */
    uint32_t window;
    uint16_t page_length, box_length, length;
};

struct slot {
    struct slot_head head;
    char bytes[ROWS_SLOT_BYTES - sizeof(struct slot_head)];
};

struct rows {
    struct picture newest;
    uint64_t picture; /* its number here */
    uint64_t batch;
    struct slot slots[ROWS_SLOTS];
};

struct row_find {
    uint64_t hash;
    const struct slot *slot; /* NULL: to be made */
};

/* ---- a thread's slots ----------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit;
static _Thread_local struct rows *own;

static _Atomic unsigned threads; /* that have slots */

static void rows_free(void *rows)
{
    free(rows);
    (void)atomic_fetch_sub(&threads, 1);
}

static void prepare(void)
{
    int failed = pthread_key_create(&at_exit, rows_free);

    CTR_ASSERT(failed == 0); /* once a process, and there are 1,024 */
}

static struct rows *rows_own(void)
{
    (void)pthread_once(&once, prepare);
    if (own != NULL || atomic_load(&threads) >= ROWS_THREADS_MAX)
        return own;
    if (atomic_fetch_add(&threads, 1) < ROWS_THREADS_MAX)
        own = calloc(1, sizeof *own);
    if (own != NULL && pthread_setspecific(at_exit, own) == 0)
        return own;
    rows_free(own);
    own = NULL;
    return NULL;
}

static void rows_see(struct rows *rows, const struct store *store, const struct progress *progress)
{
    struct picture picture = picture_of(store, progress);

    if (!picture_same(&rows->newest, &picture)) {
        rows->newest = picture;
        rows->picture++;
    }
}

/* Where the ids stand in a row. */
#define PAGE_BEFORE "{\"page\":\""
#define BOX_BEFORE  "{\"box\":\"" /* as long as what is between a page and a box, less the quote */
enum { PAGE_AT = sizeof PAGE_BEFORE - 1, BOX_AT = sizeof BOX_BEFORE - 1 };

static size_t box_at(const struct key_name *name)
{
    return name->page.length == 0 ? BOX_AT : PAGE_AT + name->page.length + 1 + BOX_AT;
}

static bool is_of(const struct slot *slot, uint64_t picture, uint64_t hash, size_t window,
                  const struct key_name *name)
{
    const struct slot_head *head = &slot->head;

    return head->hash == hash && head->picture == picture && head->window == window &&
           head->page_length == name->page.length && head->box_length == name->box.length &&
           (name->page.length == 0 ||
            memcmp(slot->bytes + PAGE_AT, name->page.bytes, name->page.length) == 0) &&
           (name->box.length == 0 ||
            memcmp(slot->bytes + box_at(name), name->box.bytes, name->box.length) == 0);
}

static struct slot *pair_of(struct rows *rows, uint64_t hash)
{
    return &rows->slots[hash % (ROWS_SLOTS / 2) * 2];
}

static const struct slot *find(struct rows *rows, uint64_t hash, size_t window,
                               const struct key_name *name)
{
    struct slot *slot = pair_of(rows, hash);

    for (int i = 0; i < 2; i++, slot++) {
        if (is_of(slot, rows->picture, hash, window, name)) {
            slot->head.batch = rows->batch;
            return slot;
        }
    }
    return NULL;
}

/* Whether the ids stand in the row as they are, without escapes. */
static bool shows(const char *row, size_t length, const struct key_name *name)
{
    size_t page_end = PAGE_AT + name->page.length;
    size_t box_end = box_at(name) + name->box.length;

    if (name->page.length > 0 && (page_end >= length || row[page_end] != '"' ||
                                  memcmp(row + PAGE_AT, name->page.bytes, name->page.length) != 0))
        return false;
    return name->box.length == 0 ||
           (box_end < length && row[box_end] == '"' &&
            memcmp(row + box_at(name), name->box.bytes, name->box.length) == 0);
}

static void keep(struct rows *rows, uint64_t hash, size_t window, const struct key_name *name,
                 const char *row, size_t length)
{
    struct slot *pair = pair_of(rows, hash);
    struct slot *slot = pair[0].head.batch <= pair[1].head.batch ? &pair[0] : &pair[1];

    if (slot->head.batch == rows->batch || length > sizeof slot->bytes || !shows(row, length, name))
        return;
    slot->head = (struct slot_head){.hash = hash,
                                    .picture = rows->picture,
                                    .batch = rows->batch,
                                    .window = (uint32_t)window,
                                    .page_length = (uint16_t)name->page.length,
                                    .box_length = (uint16_t)name->box.length,
                                    .length = (uint16_t)length};
    memcpy(slot->bytes, row, length);
}

/* ---- batches -------------------------------------------------------------------------------- */

static uint64_t text_hash(const struct store *store, struct text text)
{
    return text.length == 0 ? 0
                            : hash_id(store_options(store)->hash_secret, text.bytes, text.length);
}

/* All hashes first: the slots come from memory while the next ones are made. */
static void hash_names(const struct store *store, struct row_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct key_name *name = &batch->names[i];
        struct row_find *at = &batch->finds[i];

        at->hash =
            hash_mix(batch->window, text_hash(store, name->page), text_hash(store, name->box));
        if (batch->rows != NULL) {
            const struct slot *pair = pair_of(batch->rows, at->hash);

            prefetch(pair);
            prefetch(pair->bytes + 64 - sizeof pair->head);
            prefetch(pair + 1);
        }
    }
}

/* Finds what there is in the slots; returns how many have to be made. */
static size_t find_rows(const struct store *store, struct row_batch *batch)
{
    struct rows *rows = batch->rows;
    size_t missing = 0;

    if (rows != NULL) {
        rows_see(rows, store, &batch->reading.progress);
        rows->batch++;
    }
    batch->bytes = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct row_find *at = &batch->finds[i];

        at->slot = rows == NULL ? NULL : find(rows, at->hash, batch->window, &batch->names[i]);
        missing += at->slot == NULL;
        batch->bytes += at->slot == NULL ? ROW_BYTES_USUAL : (size_t)at->slot->head.length + 1;
    }
    return missing;
}

/* Reads the figures of the rows that were not found. */
static enum ctr_status read_missing(const struct store *store, struct row_batch *batch,
                                    size_t missing, struct reading *ret_reading)
{
    struct key_name *names = malloc(missing * sizeof *names);
    size_t count = 0;

    if (batch->figures == NULL)
        batch->figures = malloc(batch->count * sizeof *batch->figures);
    if (names == NULL || batch->figures == NULL) {
        free(names);
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->finds[i].slot == NULL)
            names[count++] = batch->names[i];
    }
    store_read(store, batch->window, names, count, batch->figures, ret_reading);
    free(names);
    return CTR_OK;
}

/* Where the picture changes between looking for rows and reading the others, all is done again: of
 * the new one there is no row yet, so all are read then, at once. */
static enum ctr_status read_all(const struct store *store, struct row_batch *batch)
{
    hash_names(store, batch);
    for (;;) {
        struct reading reading;
        struct picture before;
        struct picture after;
        size_t missing;

        batch->reading = store_reading(store, batch->window);
        missing = find_rows(store, batch);
        if (missing == 0)
            return CTR_OK;
        if (read_missing(store, batch, missing, &reading) != CTR_OK)
            return CTR_NO_MEMORY;
        before = picture_of(store, &batch->reading.progress);
        after = picture_of(store, &reading.progress);
        if (missing == batch->count || picture_same(&before, &after)) {
            batch->reading = reading;
            if (batch->rows != NULL)
                rows_see(batch->rows, store, &reading.progress);
            return CTR_OK;
        }
    }
}

enum ctr_status row_batch_read(const struct store *store, size_t window,
                               const struct key_name *names, size_t count,
                               struct row_batch *ret_batch)
{
    struct row_batch batch = {.window = window, .count = count, .names = names};
    enum ctr_status status = CTR_NO_MEMORY;

    batch.finds = malloc((count + 1) * sizeof *batch.finds); /* never 0 bytes */
    batch.rows = rows_own();
    if (batch.finds != NULL)
        status = read_all(store, &batch);
    if (status == CTR_OK)
        *ret_batch = batch;
    else
        row_batch_done(&batch);
    return status;
}

static void make_row(const struct row_batch *batch, size_t at, const struct figures *figures,
                     struct writer *writer)
{
    const struct key_name *name = &batch->names[at];
    size_t begin = writer->length + (writer->comma_due ? 1 : 0);

    writer_open(writer, '{');
    answer_write_names(writer, name->page, name->box);
    answer_write_numbers(writer, figures);
    writer_close(writer, '}');
    if (writer->status == CTR_OK && batch->rows != NULL)
        keep(batch->rows, batch->finds[at].hash, batch->window, name, writer->bytes + begin,
             writer->length - begin);
}

void row_batch_write(const struct row_batch *batch, struct writer *writer)
{
    const struct figures *figures = batch->figures;

    writer_expect(writer, batch->bytes);
    for (size_t i = 0; i < batch->count; i++) {
        const struct slot *slot = batch->finds[i].slot;

        if (slot != NULL)
            writer_value(writer, slot->bytes, slot->head.length);
        else
            make_row(batch, i, figures++, writer);
    }
}

void row_batch_done(struct row_batch *batch)
{
    free(batch->finds);
    free(batch->figures);
    *batch = (struct row_batch){.count = 0};
}

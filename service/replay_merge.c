/* SPDX-License-Identifier: Apache-2.0
 *
 * A heap holds the newest line of every input (its lead) and the clicks that follow from lines
 * already read. Since an input is ordered, nothing it has still to give lies before its lead; so
 * the least entry of the heap is the least of all. When a lead leaves, its input is read on.
 */
#include "service/replay_merge.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/heap.h"
#include "service/replay_reader.h"

enum { INPUT_SHIFT = 48 }; /* heap order: input index above, line order within below */

/* An event copied out of its reader. Value and key share one buffer, kept for the next use. */
struct parcel {
    struct parcel *next_free;
    struct replay_item item;
    size_t input;
    bool lead;
    size_t capacity;
    char *bytes;
};

struct replay_merge {
    const struct replay_options *options;
    replay_complain *complain;
    void *complain_owner;
    size_t inputs_count;
    struct replay_reader **readers;
    uint64_t *orders; /* of the next parcel of each input */
    struct heap heap;
    struct parcel *free_parcels;
    struct parcel *out; /* handed to the caller, back with the next call */
};

static void parcel_free(struct parcel *parcel)
{
    if (parcel) {
        free(parcel->bytes);
    }
    free(parcel);
}

static struct text key_of(const struct replay_options *options, const struct event *event)
{
    if (options->key == REPLAY_KEY_VISITOR) {
        return event->visitor;
    }
    if (options->key == REPLAY_KEY_PAGE) {
        return event->page;
    }
    return (struct text){0};
}

/* Takes a parcel from the free list or the heap and copies the draft into it. NULL: no memory. */
static struct parcel *parcel_fill(struct replay_merge *merge, const struct replay_draft *draft)
{
    struct text key = key_of(merge->options, &draft->event);
    struct text value = draft->bytes;
    struct parcel *parcel = merge->free_parcels;

    if (parcel) {
        merge->free_parcels = parcel->next_free;
    } else {
        parcel = calloc(1, sizeof *parcel);
    }
    if (!parcel) {
        return NULL;
    }
    if (!parcel->bytes || parcel->capacity < value.length + key.length) {
        free(parcel->bytes);
        parcel->capacity = value.length + key.length;
        parcel->bytes = malloc(parcel->capacity);
        if (!parcel->bytes) {
            parcel_free(parcel);
            return NULL;
        }
    }
    memcpy(parcel->bytes, value.bytes, value.length);
    if (key.length > 0) {
        memcpy(parcel->bytes + value.length, key.bytes, key.length);
    }
    parcel->item = (struct replay_item){
        .type = draft->event.type,
        .ts_ms = draft->event.ts_ms,
        .value = {.bytes = parcel->bytes, .length = value.length},
        .key = {.bytes = parcel->bytes + value.length, .length = key.length},
    };
    return parcel;
}

static enum ctr_status push(struct replay_merge *merge, size_t input, bool lead,
                            const struct replay_draft *draft, struct ctr_error *reterr)
{
    struct parcel *parcel = parcel_fill(merge, draft);
    enum ctr_status status;

    if (!parcel) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    parcel->input = input;
    parcel->lead = lead;
    status = heap_add(&merge->heap,
                      (struct heap_entry){
                          .time_ms = parcel->item.ts_ms,
                          .order = ((uint64_t)input << INPUT_SHIFT) | merge->orders[input]++,
                          .item = parcel,
                      });
    if (status == CTR_OK) {
        return CTR_OK;
    }
    parcel_free(parcel);
    return ctr_fail(reterr, status, "%s",
                    status == CTR_LIMIT
                        ? "more than 2,000,000 clicks wait for their moment; shorten --click-after"
                        : "out of memory");
}

/* The file as the user named it. */
static const char *input_name(const struct replay_merge *merge, size_t input)
{
    const char *path = merge->options->files[input];

    return strcmp(path, "-") == 0 ? replay_reader_name(merge->readers[input]) : path;
}

/* Reads an input up to its next event, which becomes its lead. */
static enum ctr_status read_on(struct replay_merge *merge, size_t input, struct ctr_error *reterr)
{
    struct replay_reader *reader = merge->readers[input];
    struct replay_record record = {0};
    struct ctr_error problem = {0};
    char complaint[CTR_ERROR_TEXT_BYTES + 512];
    enum ctr_status status;

    while ((status = replay_reader_next(reader, &record, &problem)) == CTR_INVALID) {
        (void)snprintf(complaint, sizeof complaint, "%s:%" PRIu64 ": %s", input_name(merge, input),
                       record.line, problem.text);
        merge->complain(merge->complain_owner, complaint);
    }
    if (status == CTR_STOPPED) {
        return CTR_OK;
    }
    if (status != CTR_OK) {
        return ctr_fail(reterr, status, "%s: %s", input_name(merge, input), problem.text);
    }
    for (size_t i = 0; i < record.count && status == CTR_OK; i++) {
        status = push(merge, input, i == 0, &record.drafts[i], reterr);
    }
    return status;
}

/* Ids made from file names must not meet, or the service would see duplicates. */
static enum ctr_status check_names(const struct replay_merge *merge, struct ctr_error *reterr)
{
    const struct replay_options *options = merge->options;

    if (!options->csv || options->map.columns[REPLAY_ID]) {
        return CTR_OK;
    }
    for (size_t i = 0; i < merge->inputs_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(replay_reader_name(merge->readers[i]),
                       replay_reader_name(merge->readers[j])) == 0) {
                return ctr_fail(reterr, CTR_INVALID,
                                "%s and %s would give their events the same ids; rename one or "
                                "add --map id=COLUMN",
                                options->files[j], options->files[i]);
            }
        }
    }
    return CTR_OK;
}

static enum ctr_status open_inputs(struct replay_merge *merge, struct ctr_error *reterr)
{
    const struct replay_options *options = merge->options;
    enum ctr_status status;

    merge->readers = calloc(options->files_count, sizeof(struct replay_reader *));
    merge->orders = calloc(options->files_count, sizeof *merge->orders);
    if (!merge->readers || !merge->orders) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < options->files_count; i++) {
        status = replay_reader_open(options, i, &merge->readers[i], reterr);
        if (status != CTR_OK) {
            return status;
        }
        merge->inputs_count++;
    }
    status = check_names(merge, reterr);
    for (size_t i = 0; i < merge->inputs_count && status == CTR_OK; i++) {
        status = read_on(merge, i, reterr);
    }
    return status;
}

enum ctr_status replay_merge_open(const struct replay_options *options, replay_complain *complain,
                                  void *complain_owner, struct replay_merge **ret_merge,
                                  struct ctr_error *reterr)
{
    struct replay_merge *merge = calloc(1, sizeof *merge);
    enum ctr_status status;

    if (!merge) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    merge->options = options;
    merge->complain = complain;
    merge->complain_owner = complain_owner;
    heap_init(&merge->heap, REPLAY_FILES_MAX + REPLAY_PENDING_MAX);
    status = open_inputs(merge, reterr);
    if (status != CTR_OK) {
        replay_merge_close(merge);
        return status;
    }
    *ret_merge = merge;
    return CTR_OK;
}

void replay_merge_close(struct replay_merge *merge)
{
    struct heap_entry entry;

    if (!merge) {
        return;
    }
    parcel_free(merge->out);
    while (heap_pop(&merge->heap, &entry)) {
        parcel_free(entry.item);
    }
    while (merge->free_parcels) {
        struct parcel *parcel = merge->free_parcels;

        merge->free_parcels = parcel->next_free;
        parcel_free(parcel);
    }
    for (size_t i = 0; i < merge->inputs_count; i++) {
        replay_reader_close(merge->readers[i]);
    }
    heap_done(&merge->heap);
    free(merge->readers);
    free(merge->orders);
    free(merge);
}

enum ctr_status replay_merge_next(struct replay_merge *merge, struct replay_item *ret_item,
                                  struct ctr_error *reterr)
{
    struct parcel *parcel = merge->out;
    struct heap_entry entry;
    enum ctr_status status;

    merge->out = NULL;
    if (parcel) {
        parcel->next_free = merge->free_parcels;
        merge->free_parcels = parcel;
        if (parcel->lead) {
            status = read_on(merge, parcel->input, reterr);
            if (status != CTR_OK) {
                return status;
            }
        }
    }
    if (!heap_pop(&merge->heap, &entry)) {
        return CTR_STOPPED;
    }
    merge->out = entry.item;
    *ret_item = merge->out->item;
    return CTR_OK;
}

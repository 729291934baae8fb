/* SPDX-License-Identifier: Apache-2.0
 *
 * From the columns of a CSV row to an event, and to the click that some rows mean as well.
 */
#ifndef LIVECTR_SERVICE_REPLAY_MAP_H
#define LIVECTR_SERVICE_REPLAY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/csv.h"
#include "storage/event.h"
#include "storage/status.h"

enum { REPLAY_ID_BYTES = EVENT_ID_BYTES_MAX + 8 };

enum replay_field {
    REPLAY_TYPE,
    REPLAY_TS,
    REPLAY_PAGE,
    REPLAY_BOX,
    REPLAY_VISITOR,
    REPLAY_ID,
    REPLAY_FIELDS
};

/* As given: all texts borrowed, NULL where not given. Never both a column and a constant. */
struct replay_map {
    const char *columns[REPLAY_FIELDS];
    const char *constants[REPLAY_FIELDS];
    char click_column[128]; /* "": rows mean no clicks */
    const char *click_value;
    int64_t click_after_ms;
};

/* A map that was matched with the header of one file. */
struct replay_columns {
    const struct replay_map *map; /* borrowed */
    size_t count;                 /* of the header */
    size_t fields[REPLAY_FIELDS]; /* the column of each field; SIZE_MAX: none */
    size_t click;                 /* SIZE_MAX: none */
};

/* What a row means. The texts are borrowed from the row, the map and `ids`. */
struct replay_row {
    struct event view; /* the row itself, whatever its type */
    bool has_click;
    struct event click;
    char view_id[REPLAY_ID_BYTES], click_id[REPLAY_ID_BYTES];
};

/* "ts=timestamp" into `map`. constant: --set rather than --map.
 * Errors: CTR_INVALID with the way out. */
CTR_MUST_USE enum ctr_status replay_map_add(struct replay_map *map, const char *pair, bool constant,
                                            struct ctr_error *reterr);

/* "click=1" into `map`. Errors: CTR_INVALID. */
CTR_MUST_USE enum ctr_status replay_map_click(struct replay_map *map, const char *pair,
                                              struct ctr_error *reterr);

/* Completes a map for CSV (rows with clicks are views) and checks that it says enough.
 * Errors: CTR_INVALID. */
CTR_MUST_USE enum ctr_status replay_map_check(struct replay_map *map, struct ctr_error *reterr);

/* Finds every mapped column in a header. Errors: CTR_INVALID naming the column that is missing and
 * what comes near. */
CTR_MUST_USE enum ctr_status replay_map_bind(const struct replay_map *map,
                                             const struct csv_row *header,
                                             struct replay_columns *ret_columns,
                                             struct ctr_error *reterr);

/* Reads a row. Without a mapped id the row gets FILE:LINE:v (or :c where its type is click) and its
 * click FILE:LINE:c; with one the click gets ID:c. `file` is the name for that.
 * Errors: CTR_INVALID with the reason, naming column and value. */
CTR_MUST_USE enum ctr_status replay_map_read(const struct replay_columns *columns,
                                             const struct csv_row *row, const char *file,
                                             struct replay_row *ret_row, struct ctr_error *reterr);

#endif

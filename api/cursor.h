/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a list goes on, as an opaque text that travels through a client: the place of the last row
 * that was given (its number and its id) and a check of the list it belongs to. It names a place
 * and not a row or a moment, so it stays good when numbers move or the row goes. Pure. Thread: any.
 */
#ifndef LIVECTR_API_CURSOR_H
#define LIVECTR_API_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/query.h"
#include "storage/listing.h"

/* A place with an id of up to EVENT_ID_BYTES_MAX as NUL-terminated base64url. `list` stands for
 * everything that the order and the rows of the list depend on. */
void cursor_write(uint64_t list, const struct list_place *place, struct text id,
                  char ret_cursor[QUERY_CURSOR_BYTES_MAX + 1]);

/* The opposite. ret_room holds the id. False: it is no cursor, or one of another list. */
bool cursor_read(struct text cursor, uint64_t list, char ret_room[QUERY_CURSOR_BYTES_MAX],
                 struct list_place *ret_place, struct text *ret_id);

#endif

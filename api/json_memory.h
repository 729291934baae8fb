/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory for jansson, reserved before it begins. Refused in the middle it does not give up cleanly:
 * a token whose buffer cannot grow loses bytes in silence, so that a time could become another one,
 * or an assert of its own ends the process. What a text can need at most follows from its bytes.
 *
 * Thread: any; an arena belongs to one thread at a time.
 */
#ifndef LIVECTR_API_JSON_MEMORY_H
#define LIVECTR_API_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct json_arena {
    char *bytes; /* owned */
    size_t capacity, used;
};

/* Puts the allocator under jansson, once; `set` is json_set_alloc_funcs(). Before whatever else a
 * user of jansson does. Where no arena is in use it is malloc() and free(). */
void json_memory_install(void (*set)(void *(*take)(size_t bytes), void (*give)(void *memory)));

/* Room for all that jansson needs for this text. The arena must be empty of values. False: there is
 * no memory. */
bool json_arena_reserve(struct json_arena *arena, const char *text, size_t length);

/* What jansson takes in this thread comes from here, until NULL is said. Also where values made so
 * are freed. */
void json_arena_use(struct json_arena *arena);

void json_arena_free(struct json_arena *arena);

#endif

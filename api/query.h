/* SPDX-License-Identifier: Apache-2.0
 *
 * The raw request target, taken apart without forgiveness: an argument that cannot be what was
 * meant is refused with a sentence, never ignored.
 *
 *   /v1/ctr?page=%2Foffer%2Flist&window=10m
 *   path     arguments
 *
 * Percent escapes are decoded here and nowhere else (libmicrohttpd would turn %2F into a slash and
 * cut at %00). In arguments "+" is a space, as every form encoder writes it; a plus is %2B.
 * Pure. Thread: any.
 */
#ifndef LIVECTR_API_QUERY_H
#define LIVECTR_API_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/problem.h"
#include "storage/event.h"
#include "storage/status.h"

enum { QUERY_ARGUMENTS_MAX = 9, QUERY_PATH_BYTES_MAX = 64 };

/* The one argument that is no text of a caller's own: a cursor holds an id and more. */
#define QUERY_CURSOR "cursor"
enum { QUERY_CURSOR_BYTES_MAX = 768 };

/* A target in two: both parts raw, borrowed. The scheme and authority of an absolute target are
 * skipped. */
struct target {
    struct text path;      /* up to the question mark */
    struct text arguments; /* after it; empty when there is none */
};

struct target target_split(const char *target);

/* Decodes a path that may be one of ours into ret_path, NUL-terminated. An escaped slash is no
 * separator and no route has one, so it makes the path "" like everything too long to be ours.
 * Errors: CTR_INVALID with the problem for a bad escape. */
CTR_MUST_USE enum ctr_status target_path(const struct target *target,
                                         char ret_path[QUERY_PATH_BYTES_MAX],
                                         struct problem *ret_problem);

/* Arguments by their place in the list of names that was asked for. */
struct query {
    struct text values[QUERY_ARGUMENTS_MAX]; /* decoded, into `bytes`; length 0: not given */
    char bytes[QUERY_ARGUMENTS_MAX * EVENT_ID_BYTES_MAX];
    char cursor[QUERY_CURSOR_BYTES_MAX];
};

/* Reads arguments of which `names` (NULL-terminated, at most QUERY_ARGUMENTS_MAX) are known. Every
 * value but that of QUERY_CURSOR is a text that could be an id. Errors: CTR_INVALID with the
 * problem: unknown, repeated or empty argument, bad escape, control character, not UTF-8, over 512
 * bytes. */
CTR_MUST_USE enum ctr_status query_parse(struct text arguments, const char *const *names,
                                         struct query *ret_query, struct problem *ret_problem);

/* The values of an argument that may be repeated, as they were sent. */
struct query_repeated {
    struct text *raw; /* room for `max` */
    size_t max, count;
};

/* As query_parse, and takes `repeated`, which is among `names` as well, up to ret_repeated->max
 * times. Errors: likewise; more of them than that; CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status query_parse_repeated(struct text arguments, const char *const *names,
                                                  const char *repeated, struct query *ret_query,
                                                  struct query_repeated *ret_repeated,
                                                  struct problem *ret_problem);

/* Decodes a raw value into `room`; it may hold whatever bytes, but has one. Errors: CTR_INVALID
 * with the problem: empty, bad escape, longer than `size`. */
CTR_MUST_USE enum ctr_status query_decode(struct text raw, const char *name, char *room,
                                          size_t size, struct text *ret_value,
                                          struct problem *ret_problem);

/* A whole number within [min, max]; *ret_value stays as it is when the argument was not given.
 * Errors: CTR_INVALID with the problem. */
struct query_range {
    const char *name;
    uint64_t min, max;
};

CTR_MUST_USE enum ctr_status query_number(struct text value, const struct query_range *range,
                                          uint64_t *ret_value, struct problem *ret_problem);

#endif

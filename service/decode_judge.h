/* SPDX-License-Identifier: Apache-2.0
 *
 * A record decoded by jansson. What it says is what CONTRACT "Events" calls right: decode_fast.h
 * takes what is plain, all else comes here. The only user of jansson for events.
 * Thread: one at a time per judge.
 */
#ifndef LIVECTR_SERVICE_DECODE_JUDGE_H
#define LIVECTR_SERVICE_DECODE_JUDGE_H

#include "service/decode.h"
#include "service/decode_schema.h"

struct judge;

/* Borrows `schema`. NULL: no memory. */
struct judge *judge_new(const struct schema *schema, size_t record_bytes_max);
void judge_free(struct judge *judge); /* NULL is fine */

/* As decode_record(); texts are borrowed from the judge until its next call. */
void judge_record(struct judge *judge, const char *bytes, size_t length, enum topic_type type,
                  struct decoded *ret_decoded);

#endif

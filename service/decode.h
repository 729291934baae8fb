/* SPDX-License-Identifier: Apache-2.0
 *
 * Record bytes to an event, or the reason why not (CONTRACT "Events" 1-5). Plain records are
 * decoded without jansson (decode_fast.h); it judges whatever is unusual (decode_judge.h), so that
 * verdict, reason and fields are its own for every record.
 */
#ifndef LIVECTR_SERVICE_DECODE_H
#define LIVECTR_SERVICE_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "service/config.h"
#include "storage/event.h"
#include "storage/status.h"
#include "storage/store_status.h"

struct decoder;

/* What a decoder makes of a record. */
struct decoded {
    bool no_memory; /* nothing is known about the record: decode it again */
    bool is_event;
    struct event event; /* texts borrowed from the record or the decoder, until its next call */
    enum malformed_reason reason;        /* when it is none */
    char detail[MALFORMED_DETAIL_BYTES]; /* then: what is wrong where, cut, without the visitor */
};

/* Takes the field names, aliases and size limit of `config` (copied).
 * Errors: CTR_INVALID (a field path that is none), CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status decoder_new(const struct config *config, struct decoder **ret_decoder,
                                         struct ctr_error *reterr);
void decoder_free(struct decoder *decoder); /* NULL is fine */

/* Decodes one record; bytes NULL is a tombstone. `type` is what the topic says about it.
 * Thread: one at a time per decoder. */
void decode_record(struct decoder *decoder, const char *bytes, size_t length, enum topic_type type,
                   struct decoded *ret_decoded);

/* A record that waits, as decode_record() takes it. */
struct raw_record {
    const char *bytes;
    size_t length;
    enum topic_type type;
};

/* Decodes records from the first one on for as long as they are plain, so that a whole batch can be
 * hashed before it is applied. Returns how many are events now. The one after them, if there is
 * one, is for decode_record(), once these are done with; then on with what follows. Texts are
 * borrowed from the records or the decoder, all of them until its next call. Thread: as above. */
size_t decode_ahead(struct decoder *decoder, const struct raw_record *records, size_t count,
                    struct event *ret_events);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Record bytes to an event, or the reason why not (CONTRACT "Events" 1-5). The only user of
 * jansson in service/. A faster decoder can stand in behind this interface, with jansson as the
 * judge of whatever it finds unusual.
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
    bool is_event;
    struct event event;                  /* texts borrowed from the decoder until its next call */
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

#endif

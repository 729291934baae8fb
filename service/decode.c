/* SPDX-License-Identifier: Apache-2.0 */
#include "service/decode.h"

#include <stdlib.h>

#include "service/decode_fast.h"
#include "service/decode_judge.h"

struct decoder {
    struct schema schema;
    size_t record_bytes_max;
    struct judge *judge;
    scan_function *scan;
    struct fast_room *room;
};

enum ctr_status decoder_new(const struct config *config, struct decoder **ret_decoder,
                            struct ctr_error *reterr)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    enum ctr_status status = CTR_OK;

    if (decoder == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for a decoder");
    }
    status = schema_read(config, &decoder->schema, reterr);
    if (status != CTR_OK) {
        decoder_free(decoder);
        return status;
    }
    decoder->record_bytes_max = config->record_bytes_max;
    decoder->scan = scan_best();
    decoder->judge = judge_new(&decoder->schema, decoder->record_bytes_max);
    if (decoder->judge == NULL ||
        fast_room_new(decoder->record_bytes_max, &decoder->room) != CTR_OK) {
        decoder_free(decoder);
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for a decoder");
    }
    *ret_decoder = decoder;
    return CTR_OK;
}

void decoder_free(struct decoder *decoder)
{
    if (decoder != NULL) {
        judge_free(decoder->judge);
        fast_room_free(decoder->room);
        free(decoder);
    }
}

static bool is_plain(struct decoder *decoder, const struct text record, enum topic_type type,
                     struct event *ret_event)
{
    return record.bytes != NULL && record.length > 0 &&
           record.length <= decoder->record_bytes_max &&
           fast_decode(&decoder->schema, decoder->scan, decoder->room, record, type, ret_event);
}

void decode_record(struct decoder *decoder, const char *bytes, size_t length, enum topic_type type,
                   struct decoded *ret_decoded)
{
    decoder->room->escapes.used = 0;
    if (is_plain(decoder, (struct text){bytes, length}, type, &ret_decoded->event)) {
        ret_decoded->is_event = true;
        ret_decoded->no_memory = false;
        ret_decoded->detail[0] = '\0';
        return;
    }
    judge_record(decoder->judge, bytes, length, type, ret_decoded);
}

size_t decode_ahead(struct decoder *decoder, const struct raw_record *records, size_t count,
                    struct event *ret_events)
{
    size_t done = 0;

    decoder->room->escapes.used = 0;
    while (done < count &&
           is_plain(decoder, (struct text){records[done].bytes, records[done].length},
                    records[done].type, &ret_events[done])) {
        done++;
    }
    return done;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "service/kafka/statistics.h"

#include <stdlib.h>

#include "service/clock.h"
#include "service/kafka/consumer_internal.h"
#include "service/statistics.h"

int kafka_on_statistics(rd_kafka_t *handle, char *json, size_t length, void *opaque)
{
    struct kafka_source *source = opaque;
    char *before = NULL;

    (void)handle;
    (void)pthread_mutex_lock(&source->lock);
    before = source->statistics.text;
    source->statistics.text = json;
    source->statistics.length = length;
    (void)pthread_mutex_unlock(&source->lock);
    free(before);
    return 1; /* the text is ours now */
}

void kafka_read_statistics(struct kafka_source *source)
{
    struct kafka_facts facts = {.known = false};
    enum ctr_status status = CTR_OK;
    char *text = NULL;
    size_t length = 0;

    (void)pthread_mutex_lock(&source->lock);
    text = source->statistics.text;
    length = source->statistics.length;
    source->statistics.text = NULL;
    (void)pthread_mutex_unlock(&source->lock);
    if (text == NULL) {
        return;
    }
    status = statistics_parse(text, length, &facts);
    free(text);
    (void)pthread_mutex_lock(&source->lock);
    if (status == CTR_OK) {
        facts.skipped = source->statistics.facts.skipped;
        source->statistics.facts = facts;
        source->statistics.read_ms = clock_mono_ms();
    } else {
        source->statistics.facts.skipped++;
    }
    (void)pthread_mutex_unlock(&source->lock);
}

void kafka_statistics(struct source *base, struct kafka_facts *ret_facts)
{
    struct kafka_source *source = kafka_mine(base);

    (void)pthread_mutex_lock(&source->lock);
    *ret_facts = source->statistics.facts;
    ret_facts->age_ms = clock_mono_ms() - source->statistics.read_ms;
    (void)pthread_mutex_unlock(&source->lock);
}

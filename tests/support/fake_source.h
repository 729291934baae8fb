/* SPDX-License-Identifier: Apache-2.0
 *
 * A source whose script the test writes while it runs. Everything pushed is given out in order per
 * partition; what belongs to a held partition waits. Thread: any for push and the questions.
 */
#ifndef LIVECTR_TESTS_SUPPORT_FAKE_SOURCE_H
#define LIVECTR_TESTS_SUPPORT_FAKE_SOURCE_H

#include "service/source.h"

enum { FAKE_PARTITIONS_MAX = 16 };

struct source *fake_source_new(void);

/* Announces a partition; poll() answers start() with STARTED at the wish's offset (0 unless it is
 * an OFFSET). */
void fake_found(struct source *source, uint32_t partition, const char *topic, int32_t number);
void fake_complete(struct source *source);
void fake_record(struct source *source, uint32_t partition, int64_t offset, int64_t time_ms,
                 const char *bytes, size_t length); /* bytes NULL: tombstone */
void fake_end(struct source *source, uint32_t partition, int64_t offset);
void fake_confirm(struct source *source, uint32_t partition, int64_t end, int64_t asked_ms);
void fake_gap(struct source *source, uint32_t partition, int64_t offset);

/* Any item; its text is copied, its key must be a constant. */
void fake_item(struct source *source, const struct source_item *item);

/* How often the pipeline stopped the partition. */
unsigned fake_stops(struct source *source, uint32_t partition);

/* How many items wait to be polled. */
size_t fake_waiting(struct source *source);
/* Whether the pipeline holds the partition now, and how often it did. */
bool fake_held(struct source *source, uint32_t partition);
unsigned fake_holds(struct source *source, uint32_t partition);
/* What start() asked for. */
struct source_start fake_start(struct source *source, uint32_t partition);

#endif

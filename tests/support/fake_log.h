/* SPDX-License-Identifier: Apache-2.0
 *
 * A topic in memory that any number of sources read at the same time, each from where it is told
 * to: offsets, times and ends mean what they mean in Kafka. Thread: any.
 */
#ifndef LIVECTR_TESTS_SUPPORT_FAKE_LOG_H
#define LIVECTR_TESTS_SUPPORT_FAKE_LOG_H

#include "service/source.h"

struct fake_log;

/* wall_ms: the brokers' clock, for the signs of life. */
struct fake_log *fake_log_new(const char *topic, uint32_t partitions, int64_t (*wall_ms)(void));
void fake_log_free(struct fake_log *log); /* after every source on it was closed */

/* Appends a record. Times of a partition must not fall. */
void fake_log_add(struct fake_log *log, uint32_t partition, int64_t time_ms, const char *text);
int64_t fake_log_end(struct fake_log *log, uint32_t partition);

/* Whether the brokers answer; while they do not, nothing comes out of any source. */
void fake_log_mute(struct fake_log *log, bool mute);

/* A source that reads it, in each partition only what lies before offset `until`; it knows of what
 * lies behind. Closing it takes close_ms. */
struct source *fake_log_open(struct fake_log *log, int64_t until, int close_ms);

/* From now on it reads up to there. */
void fake_log_until(struct source *source, int64_t until);

/* The source leaves this record out, as if it had never been. */
void fake_log_hide(struct source *source, uint32_t partition, int64_t offset);

/* What start() asked for. */
struct source_start fake_log_start(struct source *source, uint32_t partition);

#endif

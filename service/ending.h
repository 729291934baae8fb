/* SPDX-License-Identifier: Apache-2.0
 *
 * The end within a deadline. A thread waits from the start on; once the end has begun and its time
 * is up, it leaves at once, whatever hangs: closing a Kafka client can take minutes after trouble
 * with brokers (librdkafka), and a disk can hang for ever. What was saved stays saved, and what was
 * not is read again from Kafka.
 */
#ifndef LIVECTR_SERVICE_ENDING_H
#define LIVECTR_SERVICE_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/status.h"

/* Exit codes of `livectr serve`, beside 0 and 1 (it could not start). */
enum { ENDING_NOT_SAVED = 3 }; /* the last snapshot failed or was not finished in time */

struct ending;

/* Starts the thread. Errors: CTR_NO_MEMORY, CTR_IO. Thread: main. */
CTR_MUST_USE enum ctr_status ending_new(struct ending **ret_ending, struct ctr_error *reterr);

/* From now on the process has budget_ms left. Only the first call counts. Thread: main. */
void ending_begin(struct ending *ending, int64_t budget_ms);

/* What is left of the budget, at most limit_ms, at least 0. Before the end: limit_ms. */
int64_t ending_left_ms(const struct ending *ending, int64_t limit_ms);

/* All that was to be saved is in the file: whatever comes, the exit code is 0. Thread: any. */
void ending_saved(struct ending *ending);

/* 0 or ENDING_NOT_SAVED. */
int ending_code(const struct ending *ending);

/* Everything ended in time: the thread goes. NULL is fine. Thread: main. */
void ending_free(struct ending *ending);

#endif

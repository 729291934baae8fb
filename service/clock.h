/* SPDX-License-Identifier: Apache-2.0
 *
 * The only reader of clocks. Everything below service/ gets times as arguments. Thread: any.
 */
#ifndef LIVECTR_SERVICE_CLOCK_H
#define LIVECTR_SERVICE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Wall clock, ms since the epoch. */
int64_t clock_wall_ms(void);

/* Monotonic clock for spans inside the process; never compared with the wall clock. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/* The wall clock span_ms from now, as pthread_cond_timedwait() wants it. */
struct timespec clock_after_ms(int64_t span_ms);

#endif

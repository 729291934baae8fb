/* SPDX-License-Identifier: Apache-2.0
 *
 * The only reader of clocks. Everything below service/ gets times as arguments. Thread: any.
 */
#ifndef LIVECTR_SERVICE_CLOCK_H
#define LIVECTR_SERVICE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Wall clock, ms since the epoch. A step of the host's clock by more than 100 ms (an operator, a
 * broken time server) is bridged by the boot clock, logged, and followed only once it has lasted a
 * minute: the windows move with this clock, and as_of never goes back. */
int64_t clock_wall_ms(void);

/* What clock_wall_ms() makes of two readings, in us; for its test. Keeps state. *ret_step_us: how
 * far the host's clock was found to be off, just now; 0 else. */
int64_t clock_steady_us(int64_t wall_us, int64_t boot_us, int64_t *ret_step_us);

/* Monotonic clock for spans inside the process; never compared with the wall clock. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/* The monotonic clock span_ms from now, as the waits on conditions of storage/cond.h want it. */
struct timespec clock_after_ms(int64_t span_ms);

#endif

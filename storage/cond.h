/* SPDX-License-Identifier: Apache-2.0
 *
 * Condition variables whose deadlines are times of CLOCK_MONOTONIC: with the default clock, a wait
 * lasts as long as somebody's mistake in setting the time of day.
 */
#ifndef LIVECTR_STORAGE_COND_H
#define LIVECTR_STORAGE_COND_H

#include <pthread.h>

/* Initialises `cond`; pthread_cond_destroy() ends it. */
void cond_init_monotonic(pthread_cond_t *cond);

#endif

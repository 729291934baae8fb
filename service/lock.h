/* SPDX-License-Identifier: Apache-2.0
 *
 * One process per data_dir. SQLite's own lock on the snapshot would refuse a second one as well,
 * but two that start at the same moment could refuse each other.
 */
#ifndef LIVECTR_SERVICE_LOCK_H
#define LIVECTR_SERVICE_LOCK_H

#include "storage/status.h"

/* Locks `folder`/livectr.lock, made if missing, until lock_release() or the end of the process,
 * however it comes. The file is empty and stays. Never waits. Errors: CTR_RETRY: another process
 * has it, running or stopped; CTR_IO. Thread: main. */
CTR_MUST_USE enum ctr_status lock_take(const char *folder, int *ret_lock, struct ctr_error *reterr);

/* -1 is fine. Thread: main. */
void lock_release(int lock);

#endif

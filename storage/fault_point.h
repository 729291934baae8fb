/* SPDX-License-Identifier: Apache-2.0
 *
 * Named places at which a build for the fault suite (-DLIVECTR_FAULT_POINTS) can be told to die:
 * FAULT_POINT("save_begin"). In every other build it is nothing.
 */
#ifndef LIVECTR_STORAGE_FAULT_POINT_H
#define LIVECTR_STORAGE_FAULT_POINT_H

#ifdef LIVECTR_FAULT_POINTS
/* FAULT_KILL_AT=name:n in the environment kills the process, as by kill -9, when it comes here for
 * the n-th time under that name. Thread: any. */
void fault_point(const char *name);
#define FAULT_POINT(name) fault_point(name)
#else
#define FAULT_POINT(name) ((void)0)
#endif

#endif

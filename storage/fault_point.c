/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/fault_point.h"

#ifdef LIVECTR_FAULT_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fault_point(const char *name)
{
    static _Atomic long passed;
    const char *wanted = getenv("FAULT_KILL_AT");
    size_t length = strlen(name);

    if (wanted == NULL || strncmp(wanted, name, length) != 0 || wanted[length] != ':') {
        return;
    }
    if (atomic_fetch_add(&passed, 1) + 1 >= strtol(wanted + length + 1, NULL, 10)) {
        (void)kill(getpid(), SIGKILL);
    }
}

#else
/* ISO C wants something in every file. */
typedef int fault_points_are_off;
#endif

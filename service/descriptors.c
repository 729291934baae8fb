/* SPDX-License-Identifier: Apache-2.0 */
#include "service/descriptors.h"

#include <sys/resource.h>

#include "service/log.h"

enum { SPARE = 256, ADMIN_CONNECTIONS = 64 };

/* What is allowed in the end. */
static rlim_t raise_limit(rlim_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return wanted; /* unknown: as if all were well */
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return wanted;
        }
    }
    return limit.rlim_cur;
}

void descriptors_share(uint32_t connections_max, uint32_t *ret_connections,
                       uint32_t *ret_admin_connections)
{
    rlim_t wanted = (rlim_t)connections_max + SPARE;
    rlim_t limit = raise_limit(wanted);
    rlim_t spare = SPARE < limit / 16 * 13 ? SPARE : limit / 16 * 13;

    *ret_connections = connections_max;
    *ret_admin_connections = ADMIN_CONNECTIONS;
    if (limit >= wanted) {
        return;
    }
    *ret_connections = (uint32_t)(limit - spare);
    if (*ret_admin_connections > spare / 8) {
        *ret_admin_connections = (uint32_t)(spare / 8);
    }
    log_line(LOG_WARN, "few_files", "limit=%llu wanted=%llu max_connections=%u",
             (unsigned long long)limit, (unsigned long long)wanted, (unsigned)*ret_connections);
}

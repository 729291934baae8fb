/* SPDX-License-Identifier: Apache-2.0 */
#include "api/overload.h"

#include <linux/tcp.h> /* TCP_INFO: <netinet/tcp.h> hides it from POSIX programs */
#include <netinet/in.h>
#include <sys/socket.h>

bool overload_looks(struct overload *overload)
{
    if (overload->wait_max_ms == 0)
        return false;
    if (atomic_load_explicit(&overload->watchful, memory_order_relaxed) > 0) {
        (void)atomic_fetch_sub_explicit(&overload->watchful, 1, memory_order_relaxed);
        return true;
    }
    return atomic_fetch_add_explicit(&overload->asked, 1, memory_order_relaxed) % OVERLOAD_SAMPLE ==
           0;
}

bool overload_judge(struct overload *overload, int64_t waited_ms)
{
    if (waited_ms < overload->wait_max_ms / 4) {
        atomic_store_explicit(&overload->late, 0, memory_order_relaxed);
        return false;
    }
    atomic_store_explicit(&overload->watchful, OVERLOAD_WATCHFUL, memory_order_relaxed);
    if (waited_ms < overload->wait_max_ms)
        return false;
    return atomic_fetch_add_explicit(&overload->late, 1, memory_order_relaxed) >= OVERLOAD_LATE_MIN;
}

int64_t overload_waited_ms(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return 0;
    return (int64_t)info.tcpi_last_data_recv;
}

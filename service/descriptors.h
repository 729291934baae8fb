/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIVECTR_SERVICE_DESCRIPTORS_H
#define LIVECTR_SERVICE_DESCRIPTORS_H

#include <stdint.h>

/* Descriptors for connections, logs, files and brokers: raises the limit as far as the system lets
 * it. What it refuses is taken off the connections (both numbers), so that snapshots and brokers
 * never find the descriptors gone: who comes then is closed. Thread: main, before the listeners. */
void descriptors_share(uint32_t connections_max, uint32_t *ret_connections,
                       uint32_t *ret_admin_connections);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What the system says of this process. Thread: any.
 */
#ifndef LIVECTR_SERVICE_PROCESS_H
#define LIVECTR_SERVICE_PROCESS_H

#include "api/details.h"

/* Costs a look at each open file: for /metrics, not for every request. */
void process_read(struct process_facts *ret_facts);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIVECTR_SERVICE_RSS_H
#define LIVECTR_SERVICE_RSS_H

#include <stdint.h>

/* Memory of this process that is in use (resident), bytes; -1: the system does not tell. Thread:
 * any. */
int64_t rss_bytes(void);

#endif

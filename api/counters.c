/* SPDX-License-Identifier: Apache-2.0 */
#include "api/counters.h"

#include "storage/status.h"

const unsigned http_statuses[HTTP_STATUS_COUNT] = {
#define HTTP_STATUS_VALUE(status) status,
    HTTP_STATUSES(HTTP_STATUS_VALUE)
#undef HTTP_STATUS_VALUE
};

void http_counters_add_response(struct http_counters *counters, unsigned status)
{
    size_t index = 0;

    while (index < HTTP_STATUS_COUNT && http_statuses[index] != status)
        index++;
    CTR_ASSERT(index < HTTP_STATUS_COUNT); /* else HTTP_STATUSES and openapi.yaml lack one */
    http_counter_add(&counters->responses[index], 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/exchange.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/body.h"

/* Memory follows what has arrived, not what Content-Length announces. */
enum { CAPACITY_FIRST = 8192, SETTLE_LOOK_MS = 10, SETTLE_QUIET_MS = 200 };

struct exchange *exchange_new(const char *target, int64_t begun_us)
{
    size_t length = strlen(target);
    struct exchange *exchange = calloc(1, sizeof *exchange + length + 1);

    if (exchange == NULL)
        return NULL;
    memcpy(exchange->target, target, length + 1);
    exchange->access.begun_us = begun_us;
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (exchange != NULL) {
        free(exchange->body);
        api_response_done(&exchange->response);
    }
    free(exchange);
}

enum ctr_status exchange_take(struct exchange *exchange, const char *piece, size_t length)
{
    size_t capacity = exchange->capacity == 0 ? CAPACITY_FIRST : exchange->capacity;

    if (exchange->overflown || length > BODY_BYTES_MAX - exchange->length) {
        exchange->overflown = true;
        exchange->length += length;
        return exchange->length > BODY_BYTES_READ_MAX ? CTR_LIMIT : CTR_OK;
    }
    while (capacity < exchange->length + length)
        capacity *= 2;
    if (capacity > exchange->capacity) {
        char *body = realloc(exchange->body, capacity);

        if (body == NULL)
            return CTR_NO_MEMORY;
        exchange->body = body;
        exchange->capacity = capacity;
    }
    memcpy(exchange->body + exchange->length, piece, length);
    exchange->length += length;
    return CTR_OK;
}

void exchange_settle(const _Atomic unsigned *count, int64_t (*mono_ms)(void), int deadline_ms)
{
    int64_t until_ms = mono_ms() + deadline_ms;
    int quiet_ms = 0;

    /* Quiet for a while: a connection that was just opened may be about to ask. */
    while (quiet_ms < SETTLE_QUIET_MS && mono_ms() < until_ms) {
        (void)poll(NULL, 0, SETTLE_LOOK_MS);
        quiet_ms = atomic_load(count) == 0 ? quiet_ms + SETTLE_LOOK_MS : 0;
    }
}

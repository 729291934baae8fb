/* SPDX-License-Identifier: Apache-2.0 */
#include "api/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "api/body.h"

/* Memory follows what has arrived, not what Content-Length announces. */
enum { CAPACITY_FIRST = 8192 };

struct exchange *exchange_new(const char *target)
{
    size_t length = strlen(target);
    struct exchange *exchange = calloc(1, sizeof *exchange + length + 1);

    if (exchange != NULL)
        memcpy(exchange->target, target, length + 1);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (exchange != NULL)
        free(exchange->body);
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

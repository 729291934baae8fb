/* SPDX-License-Identifier: Apache-2.0 */
#include "api/callers.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"

/* Beyond an address's limit this many more are told why, and the rest are closed. */
enum { SPARE_MAX = 64, SPARE_SHARE = 16, ADDRESS_SPARE = 16, HASTE = 256 };

struct slot {
    struct callers_address address;
    uint32_t count; /* 0: the slot is free */
};

struct callers {
    struct callers_options options;
    uint32_t spare;
    size_t slots_count; /* a power of two; there are never more addresses than half of it */
    _Atomic uint32_t open;
    pthread_mutex_t mutex;
    struct slot slots[]; /* under the mutex; linear probing without tombstones */
};

struct callers *callers_new(const struct callers_options *options)
{
    size_t count = 64;
    struct callers *callers;

    CTR_ASSERT(options->connections_max >= 1);
    while (count < 2 * ((size_t)options->connections_max + HASTE))
        count *= 2;
    callers = calloc(1, sizeof *callers + count * sizeof callers->slots[0]);
    if (callers == NULL)
        return NULL;
    callers->options = *options;
    callers->spare = options->connections_max / SPARE_SHARE;
    if (callers->spare > SPARE_MAX)
        callers->spare = SPARE_MAX;
    if (callers->spare == 0 && options->connections_max > 1)
        callers->spare = 1;
    callers->slots_count = count;
    (void)pthread_mutex_init(&callers->mutex, NULL); /* cannot fail for a default mutex */
    return callers;
}

void callers_free(struct callers *callers)
{
    if (callers == NULL)
        return;
    (void)pthread_mutex_destroy(&callers->mutex);
    free(callers);
}

/* ::ffff:192.0.2.1 on a socket that takes both is the same caller as 192.0.2.1. */
static struct callers_address read_address(const struct sockaddr *address)
{
    struct callers_address read = {0, 0};
    struct in6_addr v6;
    struct in_addr v4;

    if (address != NULL && address->sa_family == AF_INET) {
        memcpy(&v4, &((const struct sockaddr_in *)(const void *)address)->sin_addr, sizeof v4);
        read.low = UINT64_C(0xFFFF00000000) | ntohl(v4.s_addr);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        memcpy(&v6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6)) {
            memcpy(&v4, v6.s6_addr + 12, sizeof v4);
            read.low = UINT64_C(0xFFFF00000000) | ntohl(v4.s_addr);
        } else {
            memcpy(&read.high, v6.s6_addr, sizeof read.high);
        }
    }
    return read;
}

static size_t home_of(const struct callers *callers, const struct callers_address *address)
{
    return (size_t)hash_mix(callers->options.secret, address->high, address->low) &
           (callers->slots_count - 1);
}

/* The slot of the address, or the free one where it would go. */
static size_t find(const struct callers *callers, const struct callers_address *address)
{
    size_t at = home_of(callers, address);

    while (callers->slots[at].count > 0 && (callers->slots[at].address.high != address->high ||
                                            callers->slots[at].address.low != address->low))
        at = (at + 1) & (callers->slots_count - 1);
    return at;
}

/* Moves back what was pushed beyond the slot that has become free. */
static void close_hole(struct callers *callers, size_t hole)
{
    size_t mask = callers->slots_count - 1;

    for (size_t at = (hole + 1) & mask; callers->slots[at].count > 0; at = (at + 1) & mask) {
        size_t home = home_of(callers, &callers->slots[at].address);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            callers->slots[hole] = callers->slots[at];
            callers->slots[at].count = 0;
            hole = at;
        }
    }
}

static enum callers_verdict judge(const struct callers *callers, uint32_t open, uint32_t same)
{
    const struct callers_options *options = &callers->options;

    if (open > options->connections_max)
        return CALLERS_CLOSE;
    if (options->per_address_max > 0 && same > options->per_address_max)
        return same > options->per_address_max + ADDRESS_SPARE ? CALLERS_CLOSE : CALLERS_TOO_MANY;
    return open > options->connections_max - callers->spare ? CALLERS_FULL : CALLERS_WELCOME;
}

enum callers_verdict callers_enter(struct callers *callers, const struct sockaddr *address,
                                   struct callers_address *ret_address)
{
    uint32_t open = atomic_fetch_add(&callers->open, 1) + 1;
    struct slot *slot;
    uint32_t same;

    *ret_address = read_address(address);
    pthread_mutex_lock(&callers->mutex);
    slot = &callers->slots[find(callers, ret_address)];
    slot->address = *ret_address;
    same = ++slot->count;
    pthread_mutex_unlock(&callers->mutex);
    return judge(callers, open, same);
}

void callers_leave(struct callers *callers, const struct callers_address *address)
{
    size_t at;

    pthread_mutex_lock(&callers->mutex);
    at = find(callers, address);
    CTR_ASSERT(callers->slots[at].count > 0);
    if (--callers->slots[at].count == 0)
        close_hole(callers, at);
    pthread_mutex_unlock(&callers->mutex);
    (void)atomic_fetch_sub(&callers->open, 1);
}

bool callers_crowded(const struct callers *callers)
{
    uint32_t max = callers->options.connections_max;

    return atomic_load_explicit(&callers->open, memory_order_relaxed) > max - max / 8;
}

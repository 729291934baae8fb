/* SPDX-License-Identifier: Apache-2.0
 *
 * Who has a connection to a listener: how many there are in all and of each address, and what
 * becomes of the next one. Nobody waits: where it is full, a connection is told so at its first
 * request, or closed at once where even that would be too many.
 *
 *   open connections   0 ............ max - spare ....... max
 *   the next one is      welcome       told 503             closed
 *
 * An address is all of an IPv4 one or the network half of an IPv6 one (its first 64 bits are what
 * one customer of a provider has). Memory: about 40 bytes per connection of the limit, at once.
 * Lock: one mutex, held for a look-up.
 */
#ifndef LIVECTR_API_CALLERS_H
#define LIVECTR_API_CALLERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "storage/status.h"

enum callers_verdict {
    CALLERS_WELCOME,
    CALLERS_TOO_MANY, /* of this address: its requests are to be refused with 429 */
    CALLERS_FULL,     /* of all: with 503 */
    CALLERS_CLOSE     /* not even that */
};

struct callers_options {
    uint32_t connections_max; /* at least 1 */
    uint32_t per_address_max; /* 0: only connections_max counts */
    uint64_t secret;          /* so that nobody can choose addresses that collide */
};

struct callers_address {
    uint64_t high, low;
};

struct callers;

/* NULL on no memory. Thread: main. */
struct callers *callers_new(const struct callers_options *options);
void callers_free(struct callers *callers); /* NULL is fine */

/* Counts one more connection, whatever the verdict; callers_leave() must follow in the end. */
enum callers_verdict callers_enter(struct callers *callers, const struct sockaddr *address,
                                   struct callers_address *ret_address);

/* One connection of that address is gone. */
void callers_leave(struct callers *callers, const struct callers_address *address);

/* Whether so many are open that those that do nothing should make room. Thread: any. */
bool callers_crowded(const struct callers *callers);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Draining a feed without a socket.
 */
#ifndef LIVECTR_TESTS_UNIT_API_FLOW_H
#define LIVECTR_TESTS_UNIT_API_FLOW_H

#include "tests/unit/api_fixture.h"

enum { FLOW_BYTES_MAX = 16 << 20 };

/* Pulls at most room_bytes at a time, until it says anything but GIVES. The bytes are
 * NUL-terminated and the caller's. */
static inline char *flow_pull(struct feed *feed, size_t room_bytes, enum feed_says *ret_says)
{
    char *bytes = malloc(FLOW_BYTES_MAX + 1);
    size_t used = 0;

    assert_non_null(bytes);
    for (;;) {
        size_t length = 0;

        assert_true(used + room_bytes <= FLOW_BYTES_MAX);
        *ret_says = feed->ops->pull(feed->owner, bytes + used, room_bytes, &length);
        if (*ret_says != FEED_GIVES)
            break;
        assert_true(length > 0 && length <= room_bytes);
        used += length;
    }
    bytes[used] = '\0';
    return bytes;
}

/* Prepares at a fixed time; false: *response is now the refusal. */
static inline bool flow_prepare(struct api_response *response, int64_t mono_ms)
{
    enum feed_prepared prepared = FEED_AGAIN;
    struct api_response refusal = {.status = 0};

    while (prepared == FEED_AGAIN)
        prepared = response->feed.ops->prepare(response->feed.owner, mono_ms, &refusal);
    if (prepared == FEED_READY)
        return true;
    api_response_done(response);
    *response = refusal;
    return false;
}

static inline struct api_response flow_ask(const struct fixture *fixture,
                                           const struct api_request *asked)
{
    struct api_request request = *asked;
    struct api_response response;

    request.now_ms = FIXTURE_TS + 5000;
    api_respond(&fixture->context, false, &request, &response);
    return response;
}

#endif

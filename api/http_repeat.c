/* SPDX-License-Identifier: Apache-2.0
 *
 * A key that everybody looks at is asked for many times within a millisecond, and the answer to
 * GET /v1/ctr is then the same to the last byte: it hangs on the target, the store's published
 * picture and the millisecond alone. What was asked for twice within one is kept until it ends, as
 * the response that libmicrohttpd has, and only the X-Request-Id is made anew. A step, another
 * store or another millisecond ends it, so nobody can tell that it was kept.
 *
 * Kept by each HTTP thread for itself: no lock. A response is written into the connection's buffer
 * before the handler is called for another one, so that its headers can be changed in between.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/accept.h"
#include "api/call.h"
#include "api/http_raw.h"
#include "storage/hash.h"

enum { SLOTS = 64, TARGET_MAX = 511 };

#define REPEATING "/v1/ctr?"
#define ID_HEADER "X-Request-Id"

struct slot {
    int64_t now_ms; /* when it was asked; 0 never */
    uint64_t hash;
    uintptr_t store; /* which, and nothing more: it may be gone */
    struct progress progress;
    struct MHD_Response *built; /* NULL: asked once only */
    unsigned route;
    size_t bytes;
    char target[TARGET_MAX + 1];
    char id[ACCESS_ID_MAX + 1]; /* what `built` says */
};

struct http_repeats {
    struct slot slots[SLOTS];
};

struct http_repeats *http_repeats_new(void)
{
    return calloc(1, sizeof(struct http_repeats));
}

static void let_go(struct slot *slot)
{
    if (slot->built != NULL)
        MHD_destroy_response(slot->built);
    slot->built = NULL;
}

void http_repeats_free(struct http_repeats *repeats)
{
    if (repeats == NULL)
        return;
    for (int i = 0; i < SLOTS; i++)
        let_go(&repeats->slots[i]);
    free(repeats);
}

static bool same_picture(const struct progress *left, const struct progress *right)
{
    return left->as_of_ms == right->as_of_ms && left->to_ms == right->to_ms &&
           left->covered_from_ms == right->covered_from_ms && left->alive_ms == right->alive_ms &&
           left->revision == right->revision && left->clock == right->clock &&
           left->provisional == right->provisional && left->at_end == right->at_end &&
           left->caught_up_once == right->caught_up_once && left->partitions == right->partitions;
}

static struct progress look(const struct http_lane *lane, uintptr_t *ret_store)
{
    const struct api_context *context = lane->server->options.context;
    struct store *store = api_take(context);
    struct progress progress = store_progress(store);

    *ret_store = (uintptr_t)store;
    api_give(context, store);
    return progress;
}

/* Whether the answer to a request hangs on nothing but what a slot holds. */
static bool repeats(const struct http_lane *lane, const struct exchange *exchange,
                    const struct api_request *request)
{
    return lane->repeats != NULL && request->method == API_GET &&
           strncmp(request->target, REPEATING, sizeof REPEATING - 1) == 0 &&
           lane->server->options.context->tokens == NULL && request->if_none_match == NULL &&
           request->origin == NULL && exchange->access.traceparent[0] == '\0' && !exchange->last &&
           !atomic_load_explicit(&lane->server->draining, memory_order_relaxed) &&
           accept_media(request->accept, "application/json");
}

/* Gives the response the id of another request. */
static bool rename_to(struct slot *slot, const char *id)
{
    size_t length = strlen(id);

    if (MHD_del_response_header(slot->built, ID_HEADER, slot->id) != MHD_YES ||
        MHD_add_response_header(slot->built, ID_HEADER, id) != MHD_YES)
        return false;
    memcpy(slot->id, id, length + 1);
    return true;
}

struct MHD_Response *http_repeat_find(struct http_lane *lane, struct exchange *exchange,
                                      const struct api_request *request,
                                      struct api_response *ret_like)
{
    uintptr_t store;
    struct progress progress;
    struct slot *slot;
    uint64_t hash;
    size_t length;

    if (!repeats(lane, exchange, request))
        return NULL;
    length = strlen(request->target);
    hash = hash_checksum(request->target, length);
    slot = &lane->repeats->slots[hash % SLOTS];
    if (length > TARGET_MAX || slot->hash != hash || slot->now_ms != request->now_ms) {
        let_go(slot);
        slot->hash = hash;
        slot->now_ms = request->now_ms;
        return NULL;
    }
    progress = look(lane, &store);
    if (slot->built != NULL && slot->store == store && same_picture(&slot->progress, &progress) &&
        strcmp(slot->target, request->target) == 0 &&
        rename_to(slot, exchange->access.request_id)) {
        *ret_like = (struct api_response){
            .status = MHD_HTTP_OK, .route = slot->route, .body_length = slot->bytes};
        return slot->built;
    }
    let_go(slot);
    slot->store = store;
    slot->progress = progress;
    memcpy(slot->target, request->target, length + 1);
    exchange->repeat = slot;
    return NULL;
}

/* The picture of the slot was looked at before the answer was made: where a step came in between,
 * it never is the published one again, and the answer is not found. (Where the end of the log was
 * lost and found again within this millisecond, without a step, it is: so old an answer may be.) */
bool http_repeat_keep(const struct exchange *exchange, const struct api_response *response,
                      struct MHD_Response *built)
{
    struct slot *slot = exchange->repeat;

    if (slot == NULL || response->status != MHD_HTTP_OK || response->feed.ops != NULL ||
        response->encoding != NULL)
        return false;
    slot->built = built;
    slot->route = response->route;
    slot->bytes = exchange->access.bytes;
    memcpy(slot->id, exchange->access.request_id, sizeof slot->id);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/window.h"

#include <stdbool.h>
#include <string.h>

#include "storage/moment.h"

#define MINUTE_MS    INT64_C(60000)
#define HOUR_MS      (60 * MINUTE_MS)
#define LENGTH_MAX   (INT64_C(400) * 24 * HOUR_MS)
#define PREFERRED_MS (10 * MINUTE_MS)

int64_t window_grain_ms(int64_t length_ms)
{
    if (length_ms <= 2 * MINUTE_MS) {
        return 1000;
    }
    if (length_ms <= 20 * MINUTE_MS) {
        return 10000;
    }
    return length_ms <= 2 * HOUR_MS ? MINUTE_MS : 10 * MINUTE_MS;
}

int64_t window_from_ms(const struct window *window, int64_t to_ms)
{
    return moment_floor(to_ms - window->length_ms, window->grain_ms);
}

size_t window_set_find(const struct window_set *set, const char *name, size_t name_length)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strlen(set->items[i].name) == name_length &&
            memcmp(set->items[i].name, name, name_length) == 0) {
            return i;
        }
    }
    return set->count;
}

/* Keeps the set ordered by length; false when that length is there already. */
static bool window_set_insert(struct window_set *set, const struct window *window)
{
    size_t at = set->count;

    while (at > 0 && set->items[at - 1].length_ms > window->length_ms) {
        at--;
    }
    if (at > 0 && set->items[at - 1].length_ms == window->length_ms) {
        return false;
    }
    memmove(&set->items[at + 1], &set->items[at], (set->count - at) * sizeof set->items[0]);
    set->items[at] = *window;
    set->count++;
    return true;
}

static enum ctr_status window_parse(const char *part, size_t length, struct window *ret_window,
                                    struct ctr_error *reterr)
{
    struct window window = {.length_ms = 0};
    int shown = length > 40 ? 40 : (int)length;

    if (length >= WINDOW_NAME_BYTES || !moment_parse_span(part, length, &window.length_ms)) {
        return ctr_fail(reterr, CTR_INVALID, "\"%.*s\" is no span; write one like 30s, 10m, 24h",
                        shown, part);
    }
    if (window.length_ms < SLICE_BASE_MS || window.length_ms > LENGTH_MAX ||
        window.length_ms % SLICE_BASE_MS != 0) {
        return ctr_fail(reterr, CTR_INVALID,
                        "\"%.*s\": a window is a whole number of seconds from 1s to 400d", shown,
                        part);
    }
    memcpy(window.name, part, length);
    window.grain_ms = window_grain_ms(window.length_ms);
    *ret_window = window;
    return CTR_OK;
}

enum ctr_status window_set_parse(const char *list, struct window_set *ret_set,
                                 struct ctr_error *reterr)
{
    struct window_set set = {.count = 0};

    for (const char *part = list;; part++) {
        size_t length = 0;
        struct window window;
        enum ctr_status status = CTR_OK;

        part += strspn(part, " \t");
        length = strcspn(part, ", \t");
        status = window_parse(part, length, &window, reterr);
        if (status != CTR_OK) {
            return status;
        }
        if (set.count == WINDOWS_MAX) {
            return ctr_fail(reterr, CTR_INVALID, "more than %d windows", (int)WINDOWS_MAX);
        }
        if (!window_set_insert(&set, &window)) {
            return ctr_fail(reterr, CTR_INVALID, "\"%s\" is there twice", window.name);
        }
        part += length;
        part += strspn(part, " \t");
        if (*part == '\0') {
            break;
        }
        if (*part != ',') {
            return ctr_fail(reterr, CTR_INVALID, "put a comma before \"%.40s\"", part);
        }
    }
    for (size_t i = 0; i < set.count; i++) {
        if (set.items[i].length_ms == PREFERRED_MS) {
            set.preferred = i;
        }
    }
    *ret_set = set;
    return CTR_OK;
}

size_t window_set_find_twice(const struct window_set *set, size_t window)
{
    size_t at = window + 1;

    while (at < set->count && set->items[at].length_ms != 2 * set->items[window].length_ms) {
        at++;
    }
    return at < set->count ? at : set->count;
}

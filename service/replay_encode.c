/* SPDX-License-Identifier: Apache-2.0 */
#include "service/replay_encode.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct output {
    char *bytes;
    size_t length, capacity;
    bool full;
};

static void put(struct output *out, const char *bytes, size_t length)
{
    if (out->full || length > out->capacity - out->length) {
        out->full = true;
        return;
    }
    memcpy(out->bytes + out->length, bytes, length);
    out->length += length;
}

/* A JSON string (RFC 8259, section 7): quotes, backslashes and control characters escaped. */
static void put_string(struct output *out, struct text text)
{
    size_t plain = 0;

    put(out, "\"", 1);
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        char escape[8];
        int escape_length;

        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        if (byte < 0x20) {
            escape_length = snprintf(escape, sizeof escape, "\\u%04x", byte);
        } else {
            escape_length = snprintf(escape, sizeof escape, "\\%c", byte);
        }
        put(out, text.bytes + plain, i - plain);
        put(out, escape, (size_t)escape_length);
        plain = i + 1;
    }
    put(out, text.bytes + plain, text.length - plain);
    put(out, "\"", 1);
}

static void put_member(struct output *out, const char *name, struct text value)
{
    if (value.length == 0) {
        return;
    }
    put(out, name, strlen(name));
    put_string(out, value);
}

size_t replay_encode(const struct event *event, char *buffer, size_t buffer_bytes)
{
    struct output out = {.bytes = buffer, .capacity = buffer_bytes};
    char head[64];
    int head_length = snprintf(head, sizeof head, "\"type\":\"%s\",\"ts\":%" PRId64,
                               event->type == EVENT_VIEW ? "view" : "click", event->ts_ms);

    put(&out, "{", 1);
    put_member(&out, "\"id\":", event->id);
    if (event->id.length > 0) {
        put(&out, ",", 1);
    }
    put(&out, head, (size_t)head_length);
    put_member(&out, ",\"page\":", event->page);
    put_member(&out, ",\"box\":", event->box);
    put_member(&out, ",\"visitor\":", event->visitor);
    put(&out, "}", 1);
    return out.full ? 0 : out.length;
}

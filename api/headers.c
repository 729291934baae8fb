/* SPDX-License-Identifier: Apache-2.0 */
#include "api/headers.h"

#include <string.h>
#include <strings.h>

#define NAMED(name)                                                                                \
    {                                                                                              \
        name, sizeof(name) - 1                                                                     \
    }

static const struct text names[HEADER_NAMES] = {
    [HEADER_ACCEPT] = NAMED("Accept"),
    [HEADER_ACCEPT_ENCODING] = NAMED("Accept-Encoding"),
    [HEADER_IF_NONE_MATCH] = NAMED("If-None-Match"),
    [HEADER_AUTHORIZATION] = NAMED("Authorization"),
    [HEADER_CONTENT_TYPE] = NAMED("Content-Type"),
    [HEADER_LAST_EVENT_ID] = NAMED("Last-Event-ID"),
    [HEADER_ORIGIN] = NAMED("Origin"),
    [HEADER_PREFLIGHT] = NAMED("Access-Control-Request-Method"),
    [HEADER_REQUEST_ID] = NAMED("X-Request-Id"),
    [HEADER_TRACEPARENT] = NAMED("traceparent"),
    [HEADER_USER_AGENT] = NAMED("User-Agent"),
};

/* ---- one walk ------------------------------------------------------------------------------- */

void headers_find(struct headers_found *found, struct text name, const char *value)
{
    for (int i = 0; i < HEADER_NAMES; i++) {
        if (name.length != names[i].length ||
            strncasecmp(name.bytes, names[i].bytes, name.length) != 0)
            continue;
        if (found->values[i] == NULL)
            found->values[i] = value == NULL ? "" : value;
        else if (i < HEADER_LISTS)
            found->joins = true;
        return;
    }
}

/* ---- lists ---------------------------------------------------------------------------------- */

void headers_init(struct headers *headers)
{
    for (int i = 0; i < HEADER_LISTS; i++) {
        headers->values[i].given = false;
        headers->values[i].length = 0;
        headers->values[i].bytes[0] = '\0';
    }
}

static void append(struct headers *headers, int at, const char *value)
{
    size_t used = headers->values[at].length;
    size_t gap = used == 0 ? 0 : 2;
    size_t length = strlen(value);
    char *room = headers->values[at].bytes + used;

    headers->values[at].given = true;
    if (used + gap + length >= HEADER_BYTES_MAX)
        return;
    memcpy(room, ", ", gap);
    memcpy(room + gap, value, length + 1);
    headers->values[at].length += gap + length;
}

void headers_add(struct headers *headers, const char *name, const char *value)
{
    for (int i = 0; i < HEADER_LISTS; i++) {
        if (strcasecmp(name, names[i].bytes) == 0)
            append(headers, i, value == NULL ? "" : value);
    }
}

static const char *value_of(const struct headers *headers, enum header_name name)
{
    return headers->values[name].given ? headers->values[name].bytes : NULL;
}

void headers_lend(const struct headers *headers, struct api_request *request)
{
    request->accept = value_of(headers, HEADER_ACCEPT);
    request->accept_encoding = value_of(headers, HEADER_ACCEPT_ENCODING);
    request->if_none_match = value_of(headers, HEADER_IF_NONE_MATCH);
}

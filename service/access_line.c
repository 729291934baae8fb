/* SPDX-License-Identifier: Apache-2.0
 *
 * One request as a line: key=value pairs like every other line of the log, or a JSON object. What a
 * client sent is cut, and of its bytes only printable ASCII is kept, so that no client can write a
 * line of its own or a sequence that a terminal obeys.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "api/router.h"
#include "service/access_log.h"
#include "storage/moment.h"

enum { AGENT_MAX = 120, TARGET_MAX = 512, TRACE_AT = 3, TRACE_LENGTH = 32 };

_Static_assert(2 * (AGENT_MAX + TARGET_MAX) + 700 <= (int)ACCESS_LINE_BYTES, "a line has room");

/* A line while it is written. Every field fits, by the assertion above. */
struct line {
    char *bytes;
    size_t length;
    bool json;
};

static void add(struct line *line, const char *text)
{
    size_t length = strlen(text);

    CTR_ASSERT(line->length + length < ACCESS_LINE_BYTES - 1);
    memcpy(line->bytes + line->length, text, length);
    line->length += length;
}

static void add_name(struct line *line, const char *name)
{
    if (line->length > 0) {
        add(line, line->json ? "," : " ");
    }
    add(line, line->json ? "\"" : "");
    add(line, name);
    add(line, line->json ? "\":" : "=");
}

/* Words of our own, or checked before: no blank, quote or backslash. */
static void add_word(struct line *line, const char *name, const char *word)
{
    add_name(line, name);
    add(line, line->json ? "\"" : "");
    add(line, word);
    add(line, line->json ? "\"" : "");
}

static void add_number(struct line *line, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    add_name(line, name);
    add(line, text);
}

/* What a client sent, at most `max` bytes of it, in quotes. */
static void add_foreign(struct line *line, const char *name, const char *text, size_t max)
{
    add_name(line, name);
    add(line, "\"");
    for (size_t i = 0; text[i] != '\0' && i < max; i++) {
        char piece[3] = {text[i], '\0', '\0'};

        if (text[i] == '"' || text[i] == '\\') {
            piece[0] = '\\';
            piece[1] = text[i];
        } else if (text[i] < ' ' || text[i] > '~') {
            piece[0] = '?';
        }
        add(line, piece);
    }
    add(line, "\"");
}

static void add_client(struct line *line, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    const char *found = NULL;

    if (address != NULL && address->sa_family == AF_INET) {
        found = inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
                          text, sizeof text);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        found =
            inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
                      text, sizeof text);
    }
    add_word(line, "client", found == NULL ? "unknown" : found);
}

/* The two names of a trace that are searched for, and whether somebody keeps it. */
static void add_trace(struct line *line, const char *traceparent)
{
    char text[TRACE_LENGTH + 1];

    if (traceparent[0] == '\0') {
        return;
    }
    (void)snprintf(text, sizeof text, "%.32s", traceparent + TRACE_AT);
    add_word(line, "trace_id", text);
    (void)snprintf(text, sizeof text, "%.16s", traceparent + TRACE_AT + TRACE_LENGTH + 1);
    add_word(line, "parent_id", text);
}

static void add_request(struct line *line, const struct access_record *record)
{
    const struct access *access = record->access;

    add_word(line, "request_id", access->request_id);
    add_foreign(line, "method", access->method, ACCESS_METHOD_MAX);
    add_word(line, "route", api_route_name(access->route));
    add_number(line, "status", access->status);
    add_number(line, "bytes", (int64_t)access->bytes);
    add_number(line, "duration_us", record->duration_us);
    add_number(line, "handled_us", access->handled_us);
    add_client(line, record->client);
    add_word(line, "listener", record->admin ? "admin" : "api");
    if (!record->whole) {
        add_word(line, "sent", "cut");
    }
    add_trace(line, access->traceparent);
}

size_t access_log_format(const struct access_log_options *options,
                         const struct access_record *record, int64_t time_ms,
                         char ret_line[ACCESS_LINE_BYTES])
{
    struct line line = {.bytes = ret_line, .json = options->format == ACCESS_JSON};
    char time[MOMENT_TEXT_BYTES];
    bool query = options->query == ACCESS_QUERY_YES;

    moment_format(time_ms, time);
    if (line.json) {
        ret_line[0] = '{';
        line.bytes++; /* so that the first name has nothing before it */
    }
    add_word(&line, "time", time);
    add_word(&line, "level", record->access->status >= 500 ? "warn" : "info");
    add_word(&line, "event", "request");
    add_request(&line, record);
    if (query) {
        add_foreign(&line, "target", record->target, TARGET_MAX);
    }
    if (record->agent != NULL) {
        add_foreign(&line, "agent", record->agent, AGENT_MAX);
    }
    add(&line, line.json ? "}\n" : "\n");
    return line.length + (line.json ? 1 : 0);
}

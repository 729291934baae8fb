/* SPDX-License-Identifier: Apache-2.0 */
#include "api/guard.h"

#include <string.h>
#include <strings.h>

#include "api/body.h"

/* RFC 9110, 5.6.2: token characters. A space before the colon makes "Content-Length " a header
 * that libmicrohttpd does not know and a proxy may. */
static bool is_token(struct text name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name.length; i++) {
        char byte = name.bytes[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

        if (!letter && !(byte >= '0' && byte <= '9') &&
            (byte == '\0' || strchr(marks, byte) == NULL))
            return false;
    }
    return name.length > 0;
}

static bool equals_ignoring_case(struct text text, const char *string)
{
    return text.length == strlen(string) && strncasecmp(text.bytes, string, text.length) == 0;
}

static void read_length(struct guard *guard, struct text value)
{
    uint64_t length = 0;

    for (size_t i = 0; i < value.length; i++) {
        char byte = value.bytes[i];

        if (byte < '0' || byte > '9')
            guard->bad_length = true;
        else if (length <= UINT64_MAX / 160)
            length = length * 10 + (uint64_t)(byte - '0');
    }
    if (value.length == 0)
        guard->bad_length = true;
    guard->length = length;
}

void guard_add_header(struct guard *guard, struct text name, struct text value)
{
    if (!is_token(name))
        guard->bad_name = true;
    if (equals_ignoring_case(name, "Content-Length")) {
        guard->lengths++;
        read_length(guard, value);
    } else if (equals_ignoring_case(name, "Transfer-Encoding")) {
        guard->codings++;
        if (!equals_ignoring_case(value, "chunked"))
            guard->bad_coding = true;
    } else if (equals_ignoring_case(name, "Host")) {
        guard->hosts++;
    }
}

static const char *find_doubt(const struct guard *guard, bool http_1_0)
{
    if (guard->bad_name)
        return "A header's name holds a character that no name may have (RFC 9110, 5.6.2).";
    if (guard->lengths > 0 && guard->codings > 0)
        return "Content-Length and Transfer-Encoding must not come together.";
    if (guard->lengths > 1)
        return "Content-Length must be given once.";
    if (guard->codings > 1)
        return "Transfer-Encoding must be given once.";
    if (guard->hosts > 1)
        return "Host must be given once.";
    if (guard->hosts == 0 && !http_1_0)
        return "HTTP/1.1 demands a Host.";
    if (guard->bad_length)
        return "Content-Length must be digits only.";
    if (guard->bad_coding)
        return "The only Transfer-Encoding taken is chunked.";
    if (guard->codings > 0 && http_1_0)
        return "HTTP/1.0 has no Transfer-Encoding.";
    return NULL;
}

const char *guard_refusal(const struct guard *guard, enum api_method method, bool http_1_0,
                          enum problem_kind *ret_kind)
{
    const char *doubt = find_doubt(guard, http_1_0);

    *ret_kind = PROBLEM_BAD_REQUEST;
    if (doubt != NULL)
        return doubt;
    if (method != API_POST && (guard->codings > 0 || guard->length > 0))
        return "A body is taken with POST only.";
    if (guard->length > BODY_BYTES_READ_MAX) {
        *ret_kind = PROBLEM_TOO_LARGE;
        return "A body may have at most 1048576 bytes.";
    }
    return NULL;
}

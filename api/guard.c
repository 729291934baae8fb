/* SPDX-License-Identifier: Apache-2.0 */
#include "api/guard.h"

#include <string.h>
#include <strings.h>

#include "api/body.h"
#include "api/text.h"

/* RFC 9110, 5.6.2: token characters. A space before the colon makes "Content-Length " a header
 * that libmicrohttpd does not know and a proxy may. */
static bool is_token(struct text name)
{
    /* A bit for each of !#$%&'*+-.^_`|~, the digits and the letters. */
    static const uint64_t marks[4] = {UINT64_C(0x03FF6CFA00000000), UINT64_C(0x57FFFFFFC7FFFFFE)};

    for (size_t i = 0; i < name.length; i++) {
        unsigned char byte = (unsigned char)name.bytes[i];

        if ((marks[byte >> 6] >> (byte & 63) & 1) == 0)
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

/* RFC 9112, 3.2: a path or a URL; "*" is for OPTIONS, host:port for CONNECT, which nobody serves.
 */
static bool is_target(struct text method, struct text target)
{
    static const char *const schemes[] = {"http://", "https://"};

    if (target.length == 1 && target.bytes[0] == '*')
        return text_equals(method, "OPTIONS");
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(schemes[i]);

        if (target.length > length && strncasecmp(target.bytes, schemes[i], length) == 0)
            return target.bytes[length] != '/' && target.bytes[length] != '?';
    }
    return target.length > 0 && target.bytes[0] == '/' && !text_equals(method, "CONNECT");
}

void guard_begin(struct guard *guard, const struct guard_line *line)
{
    const char *target = line->in_place;

    for (size_t i = 0; i < line->target.length; i++)
        guard->bad_byte |=
            (unsigned char)line->target.bytes[i] <= 0x20 || line->target.bytes[i] == 0x7F;
    guard->http_1_0 = strcmp(line->version, "HTTP/1.0") == 0;
    guard->bad_method = !is_token(line->method);
    guard->bad_target = !is_target(line->method, line->target);
    guard->long_target = line->target.length > GUARD_TARGET_BYTES_MAX;
    if (target == NULL)
        return;
    if (line->method.bytes + line->method.length + 1 != target ||
        target + line->target.length + 1 != line->version)
        guard->bad_line = true;
    guard->next = line->version + strlen(line->version) + 2;
}

/* Whether a header lies where the one before it ended, in one piece, with nothing but blanks
 * between colon and value. */
static bool lies_well(const struct guard *guard, struct text name, struct text value)
{
    const char *at = name.bytes + name.length + 1;

    if (name.bytes != guard->next || value.bytes == NULL || value.bytes < at)
        return false;
    while (at < value.bytes && (*at == ' ' || *at == '\t'))
        at++;
    return at == value.bytes;
}

/* A tab is the one control character that a value may have (RFC 9110, 5.5). */
static bool has_control(struct text value)
{
    unsigned found = 0;

    /* No way out of the loop: several bytes are looked at in one. */
    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.bytes[i];

        found |= (unsigned)(byte < 0x20) & (unsigned)(byte != '\t');
        found |= (unsigned)(byte == 0x7F);
    }
    return found != 0;
}

void guard_add_header(struct guard *guard, struct text name, struct text value)
{
    if (guard->next != NULL) {
        if (!lies_well(guard, name, value))
            guard->bad_line = true;
        guard->next = guard->bad_line ? NULL : value.bytes + value.length + 2;
    }
    guard->headers++;
    guard->header_bytes += name.length + value.length;
    if (has_control(value))
        guard->bad_value = true;
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

void guard_end(struct guard *guard)
{
    /* Two zeros for the end of the last header, two for the empty line. */
    if (guard->next != NULL && guard->headers > 0 && memcmp(guard->next - 2, "\0\0\0", 4) != 0)
        guard->bad_line = true;
}

static const char *find_doubt(const struct guard *guard)
{
    if (guard->bad_line)
        return "Each line must end in CRLF, hold no NUL and not be folded (RFC 9112, 2.2 and 5.2).";
    if (guard->bad_name)
        return "A header's name holds a character that no name may have (RFC 9110, 5.6.2).";
    if (guard->bad_value)
        return "A header's value holds a control character (RFC 9110, 5.5).";
    if (guard->lengths > 0 && guard->codings > 0)
        return "Content-Length and Transfer-Encoding must not come together.";
    if (guard->lengths > 1)
        return "Content-Length must be given once.";
    if (guard->codings > 1)
        return "Transfer-Encoding must be given once.";
    if (guard->hosts > 1)
        return "Host must be given once.";
    if (guard->hosts == 0 && !guard->http_1_0)
        return "HTTP/1.1 demands a Host.";
    if (guard->bad_length)
        return "Content-Length must be digits only.";
    if (guard->bad_coding)
        return "The only Transfer-Encoding taken is chunked.";
    if (guard->codings > 0 && guard->http_1_0)
        return "HTTP/1.0 has no Transfer-Encoding.";
    if (guard->bad_method)
        return "The method holds a character that no method may have (RFC 9110, 9.1).";
    if (guard->bad_byte)
        return "The request target holds a raw space or control character; percent-encode it.";
    if (guard->bad_target)
        return "The request target must be a path that begins with a slash, or a URL with http://.";
    return NULL;
}

/* Too much of something that is well formed. */
static const char *find_excess(const struct guard *guard, enum problem_kind *ret_kind)
{
    *ret_kind = PROBLEM_TARGET_LONG;
    if (guard->long_target)
        return "The request target may have at most 8192 bytes; POST /v1/ctr:batchGet takes many "
               "ids at once.";
    *ret_kind = PROBLEM_HEADERS;
    if (guard->headers > GUARD_HEADERS_MAX)
        return "A request may have at most 100 headers.";
    if (guard->header_bytes > GUARD_HEADER_BYTES_MAX)
        return "The headers of a request may have at most 12288 bytes together.";
    *ret_kind = PROBLEM_TOO_LARGE;
    if (guard->length > BODY_BYTES_READ_MAX)
        return "A body may have at most 1048576 bytes.";
    return NULL;
}

const char *guard_refusal(const struct guard *guard, enum api_method method,
                          enum problem_kind *ret_kind)
{
    const char *doubt = find_doubt(guard);

    *ret_kind = PROBLEM_BAD_REQUEST;
    if (doubt != NULL)
        return doubt;
    if (method != API_POST && guard_expects_body(guard))
        return "A body is taken with POST only.";
    if (method == API_POST && guard->codings == 0 && guard->lengths == 0) {
        *ret_kind = PROBLEM_LENGTH;
        return "A POST must say with Content-Length how long its body is, or send it in chunks.";
    }
    return find_excess(guard, ret_kind);
}

bool guard_expects_body(const struct guard *guard)
{
    return guard->codings > 0 || guard->length > 0;
}

bool guard_closes(const struct guard *guard)
{
    return guard->codings > 0;
}

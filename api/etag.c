/* SPDX-License-Identifier: Apache-2.0 */
#include "api/etag.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/accept.h"
#include "api/router.h"
#include "api/state.h"
#include "api/text.h"
#include "storage/hash.h"

#define GZIP_SUFFIX "-gzip"

void etag_begin(struct etag *etag, const char *route)
{
    *etag = (struct etag){.request = hash_checksum(route, strlen(route))};
}

void etag_add_text(struct etag *etag, struct text text)
{
    etag->request = hash_mix(etag->request, hash_checksum(text.bytes, text.length), text.length);
}

void etag_add_number(struct etag *etag, uint64_t number)
{
    etag->request = hash_mix(etag->request, number, 1);
}

void etag_of(struct etag *etag, const struct api_call *call, const struct progress *progress)
{
    uint64_t moment = hash_mix((uint64_t)progress->to_ms, progress->revision,
                               (uint64_t)progress->covered_from_ms);
    uint64_t manner = hash_mix((uint64_t)state_of(progress, call->request->now_ms),
                               progress->provisional, progress->clock == CLOCK_EVENT);

    etag->numbers = hash_mix(hash_mix(etag->request, call->context->instance, 0), moment, manner);
}

void etag_of_bytes(struct etag *etag, const char *bytes, size_t length)
{
    *etag = (struct etag){.numbers = hash_checksum(bytes, length), .lasting = true};
}

/* A tag taken apart: "numbers.made.bytes.length" or "numbers.made.bytes.length-gzip", in hex. */
struct parts {
    uint64_t numbers, made_ms, length;
    bool gzip;
};

static bool read_hex(struct text *rest, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t at = 0;

    for (; at < rest->length && at < 16; at++) {
        const char *digits = "0123456789abcdef";
        const char *found = rest->bytes[at] == '\0' ? NULL : strchr(digits, rest->bytes[at]);

        if (found == NULL)
            break;
        number = number * 16 + (uint64_t)(found - digits);
    }
    *rest = (struct text){rest->bytes + at, rest->length - at};
    *ret_number = number;
    return at > 0;
}

static bool skip_dot(struct text *rest)
{
    if (rest->length == 0 || rest->bytes[0] != '.')
        return false;
    *rest = (struct text){rest->bytes + 1, rest->length - 1};
    return true;
}

static bool read_parts(struct text opaque, struct parts *ret_parts)
{
    uint64_t bytes = 0;

    if (!read_hex(&opaque, &ret_parts->numbers) || !skip_dot(&opaque) ||
        !read_hex(&opaque, &ret_parts->made_ms) || !skip_dot(&opaque) ||
        !read_hex(&opaque, &bytes) || !skip_dot(&opaque) ||
        !read_hex(&opaque, &ret_parts->length) || ret_parts->length > INT32_MAX)
        return false;
    ret_parts->gzip = text_equals(opaque, GZIP_SUFFIX);
    return ret_parts->gzip || opaque.length == 0;
}

/* Whether a copy with this tag may go on being used. */
static bool holds(const struct etag *etag, const struct api_call *call, struct text opaque,
                  struct parts *ret_parts)
{
    const struct api_request *request = call->request;
    struct parts parts = {.gzip = false};
    int64_t age_ms = 0;

    if (opaque.length > API_ETAG_BYTES - 3 || !read_parts(opaque, &parts) ||
        parts.numbers != etag->numbers || (parts.gzip && !accept_gzip(request->accept_encoding)))
        return false;
    *ret_parts = parts;
    age_ms = request->now_ms - (int64_t)(parts.made_ms & INT64_MAX);
    return etag->lasting || store_options(call->store)->clock == CLOCK_EVENT ||
           (age_ms >= 0 && age_ms <= ETAG_AGE_MAX_MS);
}

/* The next opaque tag of a list, without its quotes and whatever its strength: If-None-Match is
 * compared weakly (RFC 9110, 13.1.2). False at the end, or where it is no such list. */
static bool next_tag(const char **at, struct text *ret_opaque)
{
    const char *end = NULL;

    *at += strspn(*at, ", \t");
    if (strncmp(*at, "W/", 2) == 0)
        *at += 2;
    if (**at != '"')
        return false;
    end = strchr(*at + 1, '"');
    if (end == NULL)
        return false;
    *ret_opaque = (struct text){*at + 1, (size_t)(end - *at - 1)};
    *at = end + 1;
    return true;
}

static bool any_tag(const char *header)
{
    return header != NULL && header[strspn(header, " \t")] == '*';
}

bool etag_holds(const struct etag *etag, const struct api_call *call, const char *cache_control,
                struct api_response *ret_response)
{
    const char *at = call->request->if_none_match;
    struct text opaque;
    struct parts parts;

    while (at != NULL && next_tag(&at, &opaque)) {
        if (!holds(etag, call, opaque, &parts))
            continue;
        *ret_response = (struct api_response){.status = 304,
                                              .cache_control = cache_control,
                                              .body_static = "",
                                              .body_length = (size_t)parts.length};
        ret_response->etag[0] = '"';
        memcpy(ret_response->etag + 1, opaque.bytes, opaque.length);
        memcpy(ret_response->etag + 1 + opaque.length, "\"", 2);
        return true;
    }
    return false;
}

/* At least `digits` of them. Returns their end. */
static char *write_hex(char *at, uint64_t number, int digits)
{
    int shift = 60;

    while (shift >= 4 * digits && number >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[number >> shift & 15];
    return at;
}

/* By hand: this is done for every answer, and snprintf takes as long as all the rest of a tag. */
static void write_tag(const struct etag *etag, int64_t now_ms, struct text body,
                      char ret_tag[API_ETAG_BYTES])
{
    char *at = ret_tag;

    *at++ = '"';
    at = write_hex(at, etag->numbers, 16);
    *at++ = '.';
    at = write_hex(at, etag->lasting ? 0 : (uint64_t)now_ms, 1);
    *at++ = '.';
    at = write_hex(at, hash_checksum(body.bytes, body.length), 16);
    *at++ = '.';
    at = write_hex(at, body.length, 1);
    memcpy(at, "\"", 2);
}

void etag_sign(const struct etag *etag, const struct api_call *call, struct api_response *response)
{
    const char *body = response->body != NULL ? response->body : response->body_static;
    size_t length = response->body_length;

    if (response->status != 200)
        return;
    write_tag(etag, call->request->now_ms, (struct text){body, length}, response->etag);
    if (any_tag(call->request->if_none_match)) {
        api_response_done(response);
        response->status = 304;
        response->content_type = NULL;
        response->body_static = "";
        response->body_length = length;
    }
}

void etag_mark_gzip(char tag[API_ETAG_BYTES], size_t length)
{
    char *end = strrchr(tag, '.');

    if (end != NULL)
        (void)snprintf(end, (size_t)(tag + API_ETAG_BYTES - end), ".%zx" GZIP_SUFFIX "\"", length);
}

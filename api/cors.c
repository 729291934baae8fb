/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cors.h"

#include <string.h>

#define BLANKS " \t"

/* "http://" or "https://", a host without upper case, perhaps a port. */
static bool is_origin(const char *origin)
{
    size_t scheme = strncmp(origin, "https://", 8) == 0  ? 8
                    : strncmp(origin, "http://", 7) == 0 ? 7
                                                         : 0;
    const char *host = origin + scheme;
    const char *colon;
    size_t length = strlen(host);

    if (scheme == 0 || length == 0 ||
        strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != length)
        return false;
    colon = strrchr(host, ':');
    if (colon == NULL || (host[0] == '[' && host[length - 1] == ']'))
        return true;
    return colon != host && colon[1] != '\0' &&
           strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

static enum ctr_status add_origin(struct cors *cors, const char *bytes, size_t length,
                                  struct ctr_error *reterr)
{
    char *origin = cors->origins[cors->count];

    if (length == 1 && bytes[0] == '*') {
        cors->any = true;
        return CTR_OK;
    }
    if (cors->count == CORS_ORIGINS_MAX)
        return ctr_fail(reterr, CTR_INVALID, "more than %d origins", (int)CORS_ORIGINS_MAX);
    if (length >= CORS_ORIGIN_BYTES)
        return ctr_fail(reterr, CTR_INVALID, "an origin is longer than 255 bytes");
    memcpy(origin, bytes, length);
    origin[length] = '\0';
    if (!is_origin(origin))
        return ctr_fail(reterr, CTR_INVALID,
                        "\"%.80s\" is no origin; write one like https://app.example or "
                        "http://localhost:3000, in lower case and with no slash at its end",
                        origin);
    cors->count++;
    return CTR_OK;
}

enum ctr_status cors_parse(const char *list, struct cors *ret_cors, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    memset(ret_cors, 0, sizeof *ret_cors);
    while (status == CTR_OK && *list != '\0') {
        size_t length;

        list += strspn(list, BLANKS);
        length = strcspn(list, "," BLANKS);
        status = add_origin(ret_cors, list, length, reterr);
        list += length;
        list += strspn(list, BLANKS);
        if (status == CTR_OK && *list != '\0' && *list != ',')
            status = ctr_fail(reterr, CTR_INVALID, "origins are separated by commas");
        list += *list == ',' ? 1 : 0;
    }
    if (status == CTR_OK && ret_cors->any && ret_cors->count > 0)
        status = ctr_fail(reterr, CTR_INVALID, "* stands alone: it means every origin");
    return status;
}

const char *cors_judge(const struct cors *cors, const char *origin)
{
    if (cors == NULL || origin == NULL)
        return NULL;
    if (cors->any)
        return "*";
    for (size_t i = 0; i < cors->count; i++) {
        if (strcmp(cors->origins[i], origin) == 0)
            return cors->origins[i];
    }
    return NULL;
}

bool cors_varies(const struct cors *cors)
{
    return cors != NULL && !cors->any && cors->count > 0;
}

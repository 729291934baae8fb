/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept.h"

#include <string.h>
#include <strings.h>

#include "storage/event.h"

enum { QUALITY_MAX = 1000 };

/* One element of a list: "name;parameters;q=0.5". */
struct range {
    struct text name;
    struct text version; /* length 0: none */
    int quality;         /* thousandths */
};

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* "0.75" as 750, digits beyond three are dropped; what is no quality counts as 1. */
static int read_quality(const char *at)
{
    int quality = 0;
    int weight = 100;

    if (*at != '0')
        return QUALITY_MAX;
    if (at[1] != '.')
        return 0;
    for (at += 2; *at >= '0' && *at <= '9' && weight > 0; at++) {
        quality += weight * (*at - '0');
        weight /= 10;
    }
    return quality;
}

/* Takes the element at *at, and what separates it from the next one. False at the end. */
static bool next_range(const char **at, struct range *ret_range)
{
    const char *next = *at + strspn(*at, ", \t");

    if (*next == '\0')
        return false;
    *ret_range = (struct range){{next, strcspn(next, " \t;,")}, {NULL, 0}, QUALITY_MAX};
    next += strcspn(next, ";,");
    while (*next == ';') {
        next = skip_blanks(next + 1);
        if (strncasecmp(next, "q=", 2) == 0)
            ret_range->quality = read_quality(next + 2);
        else if (strncasecmp(next, "version=", 8) == 0)
            ret_range->version = (struct text){next + 8, strcspn(next + 8, " \t;,")};
        next += strcspn(next, ";,");
    }
    *at = next;
    return true;
}

static bool is(struct text name, const char *other)
{
    return name.length == strlen(other) && strncasecmp(name.bytes, other, name.length) == 0;
}

/* How exactly a range names a type: 0 not at all, 1 as any, 2 by its half, 3 as itself. */
static int match(struct text name, const char *type)
{
    size_t half = strcspn(type, "/") + 1;

    if (is(name, type))
        return 3;
    if (name.length == half + 1 && strncasecmp(name.bytes, type, half) == 0 &&
        name.bytes[half] == '*')
        return 2;
    return is(name, "*/*");
}

/* The q of a type, 0 where it is not taken. */
static int quality_of(const char *header, const char *type)
{
    struct range range;
    bool any = false;
    int quality = 0;
    int specific = 0;

    while (next_range(&header, &range)) {
        int found = match(range.name, type);

        any |= memchr(range.name.bytes, '/', range.name.length) != NULL;
        if (found > specific) {
            specific = found;
            quality = range.quality;
        }
    }
    return any ? quality : QUALITY_MAX;
}

size_t accept_choose(const char *header, const char *const *types)
{
    size_t count = 0;
    size_t chosen = 0;
    int best = 0;

    if (header == NULL)
        return 0;
    for (; types[count] != NULL; count++) {
        int quality = quality_of(header, types[count]);

        if (quality > best) {
            best = quality;
            chosen = count;
        }
    }
    return best > 0 ? chosen : count;
}

bool accept_media(const char *header, const char *media)
{
    return header == NULL || quality_of(header, media) > 0;
}

bool accept_openmetrics(const char *header)
{
    struct range range;
    int openmetrics = 0;
    int plain = 0;

    while (header != NULL && next_range(&header, &range)) {
        int *quality = &plain;

        if (is(range.name, "application/openmetrics-text") &&
            (range.version.length == 0 || is(range.version, "1.0.0")))
            quality = &openmetrics;
        else if (!is(range.name, "text/plain"))
            continue;
        *quality = range.quality > *quality ? range.quality : *quality;
    }
    return openmetrics > 0 && openmetrics >= plain;
}

bool accept_gzip(const char *header)
{
    struct range range;
    bool star = false;

    while (header != NULL && next_range(&header, &range)) {
        if (is(range.name, "gzip") || is(range.name, "x-gzip"))
            return range.quality > 0;
        star |= is(range.name, "*") && range.quality > 0;
    }
    return star;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Headers that stand with every answer, refusals of the edge included.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/cors.h"
#include "api/http_raw.h"

/* What scripts of an allowed origin may read and send beyond the plainest. */
#define EXPOSED "ETag, Retry-After, X-Request-Id, traceparent, WWW-Authenticate, Allow"
#define WANTED                                                                                     \
    "Authorization, Content-Type, If-None-Match, Cache-Control, Last-Event-ID, X-Request-Id, "     \
    "traceparent"
#define PREFLIGHT_AGE_S "3600"

/* A page may show itself and load nothing. */
#define POLICY "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static bool add(struct MHD_Response *built, const char *name, const char *value)
{
    return MHD_add_response_header(built, name, value) == MHD_YES;
}

/* libmicrohttpd would write the date of each answer anew, which takes longer than all the rest of
 * the headers; where there is one it writes none. */
static const char *date_of(struct http_lane *lane, int64_t now_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm now;

    if (lane->date_s != (int64_t)now_s && gmtime_r(&now_s, &now) != NULL) {
        (void)snprintf(lane->date, sizeof lane->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                       days + (ptrdiff_t)3 * now.tm_wday, now.tm_mday,
                       months + (ptrdiff_t)3 * now.tm_mon, now.tm_year + 1900, now.tm_hour,
                       now.tm_min, now.tm_sec);
        lane->date_s = (int64_t)now_s;
    }
    return lane->date;
}

static bool is_html(const struct api_response *response)
{
    return response->content_type != NULL && strncmp(response->content_type, "text/html", 9) == 0;
}

/* What only browsers look at, and only in what they show. */
static bool add_page(struct MHD_Response *built, const struct api_response *response)
{
    return add(built, "Content-Security-Policy",
               response->policy != NULL ? response->policy : POLICY) &&
           add(built, "X-Frame-Options", "DENY") && add(built, "Referrer-Policy", "no-referrer");
}

static bool add_preflight(struct MHD_Response *built, const char *methods)
{
    return add(built, "Access-Control-Allow-Methods", methods) &&
           add(built, "Access-Control-Allow-Headers", WANTED) &&
           add(built, "Access-Control-Max-Age", PREFLIGHT_AGE_S);
}

/* A second Vary beside that of the answer itself is one list with it (RFC 9110, 5.3). */
static bool add_cors(struct MHD_Response *built, const struct cors *cors, const char *origin)
{
    const char *allowed = cors_judge(cors, origin);

    if (cors_varies(cors) && !add(built, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN))
        return false;
    return allowed == NULL || (add(built, "Access-Control-Allow-Origin", allowed) &&
                               add(built, "Access-Control-Expose-Headers", EXPOSED));
}

bool http_headers_add(struct http_lane *lane, struct MHD_Response *built,
                      const struct api_response *response, const char *origin, int64_t now_ms)
{
    return add(built, MHD_HTTP_HEADER_DATE, date_of(lane, now_ms)) &&
           add(built, "X-Content-Type-Options", "nosniff") &&
           (response->cache_control != NULL ||
            add(built, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store")) &&
           (response->challenge == NULL ||
            add(built, MHD_HTTP_HEADER_WWW_AUTHENTICATE, response->challenge)) &&
           (!is_html(response) || add_page(built, response)) &&
           (response->preflight == NULL || add_preflight(built, response->preflight)) &&
           add_cors(built, lane->server->options.context->cors, origin);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/router.h"

#include <stdlib.h>
#include <string.h>

#include "api/accept.h"
#include "api/auth.h"
#include "api/call.h"
#include "api/coding.h"
#include "api/cors.h"
#include "api/counters.h"
#include "api/query.h"
#include "api/text.h"

static const char json[] = "application/json";

static const struct route {
    const char *path;
    enum api_method method; /* API_GET serves HEAD too */
    bool admin;             /* on the admin listener as well */
    const char *media;      /* what it gives; NULL: the handler looks at Accept, or nobody does */
    api_handler *handler;
} routes[] = {
    {"/v1/ctr", API_GET, false, json, ctr_get},
    {"/v1/ctr:batchGet", API_POST, false, json, ctr_batch_get},
    {"/v1/pages", API_GET, false, json, lists_get_pages},
    {"/v1/boxes", API_GET, false, json, lists_get_boxes},
    {"/v1/top", API_GET, false, json, top_get},
    {"/v1/series", API_GET, false, json, series_get},
    {"/v1/explain", API_GET, false, json, explain_get},
    {"/v1/export", API_GET, false, NULL, export_get},
    {"/v1/stream", API_GET, false, NULL, stream_get},
    {"/v1/status", API_GET, false, json, status_get},
    {"/livez", API_GET, true, NULL, health_get_live},
    {"/readyz", API_GET, true, NULL, health_get_ready},
    {"/metrics", API_GET, true, NULL, metrics_get},
    {"/problems/{name}", API_GET, true, NULL, problems_get},
    {"/openapi.yaml", API_GET, true, "application/yaml", documents_get_openapi},
    {"/docs", API_GET, true, "text/html", documents_get_page},
    /* It asks for numbers, which the admin listener does not have. */
    {"/", API_GET, false, "text/html", documents_get_dashboard},
    {"/dashboard/{name}", API_GET, false, NULL, documents_get_asset},
};

/* A name in braces at the end of a route stands for one segment. */
static bool matches(const char *route, const char *path)
{
    size_t fixed = strcspn(route, "{");

    if (route[fixed] == '\0')
        return strcmp(route, path) == 0;
    return strncmp(route, path, fixed) == 0 && path[fixed] != '\0' &&
           strchr(path + fixed, '/') == NULL;
}
_Static_assert(sizeof routes / sizeof routes[0] <= HTTP_ROUTE_OTHER, "each has its counters");

static const struct route *find_route(const char *path, bool admin)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if ((routes[i].admin || !admin) && matches(routes[i].path, path))
            return &routes[i];
    }
    return NULL;
}

/* The route that begins most like a path, NULL where none shares more than "/v1/". */
static const char *find_nearest(struct text raw, bool admin)
{
    const char *nearest = NULL;
    size_t most = 4;

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const char *path = routes[i].path;
        size_t same = 0;

        while (same < raw.length && path[same] != '\0' && path[same] == raw.bytes[same])
            same++;
        if ((routes[i].admin || !admin) && same > most) {
            most = same;
            nearest = path;
        }
    }
    return nearest;
}

static enum ctr_status refuse_path(struct text raw, bool admin, struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];
    bool slash = raw.length > 1 && raw.bytes[raw.length - 1] == '/';
    const char *nearest = slash ? NULL : find_nearest(raw, admin);

    text_quote(raw, quoted);
    return problem_set(ret_problem, PROBLEM_NOT_FOUND, "There is nothing at %s%s%s%s.", quoted,
                       admin ? " on the admin listener" : "",
                       slash             ? "; try it without the slash at the end"
                       : nearest != NULL ? "; the nearest path is "
                                         : "",
                       nearest != NULL ? nearest : "");
}

static const char *methods_of(const struct route *route)
{
    return route->method == API_GET ? "GET, HEAD" : "POST";
}

static enum ctr_status refuse_method(const struct route *route, struct problem *ret_problem)
{
    const char *allow = methods_of(route);

    (void)problem_set(ret_problem, PROBLEM_METHOD, "%s answers to %s only.", route->path, allow);
    ret_problem->allow = allow;
    return CTR_INVALID;
}

/* A refusal comes as problem+json whatever Accept says. */
static enum ctr_status refuse_media(const struct route *route, const char *accept,
                                    struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];

    text_quote(text_of(accept), quoted);
    return problem_set(ret_problem, PROBLEM_NOT_ACCEPTABLE,
                       "%s gives %s, which Accept: %s excludes.", route->path, route->media,
                       quoted);
}

/* A browser asks before a script of another origin may. What it may not is an OPTIONS like any
 * other. */
static bool answers_preflight(const struct api_context *context, const struct route *route,
                              const struct api_request *request, struct api_response *ret_response)
{
    if (request->preflight == NULL || cors_judge(context->cors, request->origin) == NULL)
        return false;
    *ret_response = (struct api_response){
        .status = 200,
        .cache_control = "no-store",
        .preflight = methods_of(route),
        .body_static = "",
    };
    return true;
}

static bool allows(const struct route *route, enum api_method method)
{
    return method == route->method || (method == API_HEAD && route->method == API_GET);
}

static enum ctr_status answer(const struct api_context *context, bool admin,
                              const struct api_request *request, unsigned *ret_route,
                              struct api_response *ret_response, struct problem *ret_problem)
{
    struct target target = target_split(request->target);
    struct api_call call = {.context = context, .request = request, .arguments = target.arguments};
    const struct route *route;
    char path[QUERY_PATH_BYTES_MAX];
    enum ctr_status status = target_path(&target, path, ret_problem);

    if (status != CTR_OK)
        return status;
    route = find_route(path, admin);
    if (route == NULL)
        return refuse_path(target.path, admin, ret_problem);
    *ret_route = (unsigned)(route - routes);
    if (answers_preflight(context, route, request, ret_response))
        return CTR_OK;
    status = auth_check(context, admin, request, path, ret_problem);
    if (status != CTR_OK)
        return status;
    if (!allows(route, request->method))
        return refuse_method(route, ret_problem);
    if (route->media != NULL && !accept_media(request->accept, route->media))
        return refuse_media(route, request->accept, ret_problem);
    call.store = api_take(context);
    status = route->handler(&call, ret_response, ret_problem);
    api_give(context, call.store);
    return status;
}

void api_respond(const struct api_context *context, bool admin, const struct api_request *request,
                 struct api_response *ret_response)
{
    struct problem problem;
    unsigned route = HTTP_ROUTE_OTHER;
    enum ctr_status status = answer(context, admin, request, &route, ret_response, &problem);

    if (status == CTR_INVALID)
        problem_respond(&problem, ret_response);
    else if (status != CTR_OK)
        problem_respond_static(ret_response);
    coding_apply(request, ret_response);
    auth_keep_private(context, ret_response);
    ret_response->route = route; /* handlers fill the whole of it */
}

const char *api_route_path(size_t index)
{
    return index < sizeof routes / sizeof routes[0] ? routes[index].path : NULL;
}

const char *api_route_name(unsigned index)
{
    if (index == HTTP_ROUTE_REFUSED)
        return "refused";
    return index < sizeof routes / sizeof routes[0] ? routes[index].path : "other";
}

void api_refuse(enum problem_kind kind, const char *detail, struct api_response *ret_response)
{
    struct problem problem;

    (void)problem_set(&problem, kind, "%s", detail);
    problem_respond(&problem, ret_response);
    ret_response->route = HTTP_ROUTE_REFUSED;
}

void api_response_done(struct api_response *response)
{
    free(response->body);
    response->body = NULL;
    response->body_static = NULL;
    response->body_length = 0;
    feed_done(&response->feed);
}

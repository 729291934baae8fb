/* SPDX-License-Identifier: Apache-2.0 */
#include "api/router.h"

#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/query.h"
#include "api/text.h"

static const struct route {
    const char *path;
    enum api_method method; /* API_GET serves HEAD too */
    bool admin;             /* on the admin listener as well */
    api_handler *handler;
} routes[] = {
    {"/v1/ctr", API_GET, false, ctr_get},
    {"/v1/ctr:batchGet", API_POST, false, ctr_batch_get},
    {"/v1/pages", API_GET, false, lists_get_pages},
    {"/v1/boxes", API_GET, false, lists_get_boxes},
    {"/v1/series", API_GET, false, series_get},
    {"/v1/explain", API_GET, false, explain_get},
    {"/v1/status", API_GET, false, status_get},
    {"/livez", API_GET, true, health_get_live},
    {"/readyz", API_GET, true, health_get_ready},
    {"/metrics", API_GET, true, metrics_get},
};

static const struct route *find_route(const char *path, bool admin)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if ((routes[i].admin || !admin) && strcmp(routes[i].path, path) == 0)
            return &routes[i];
    }
    return NULL;
}

static enum ctr_status refuse_path(struct text raw, bool admin, struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];
    bool slash = raw.length > 1 && raw.bytes[raw.length - 1] == '/';

    text_quote(raw, quoted);
    return problem_set(ret_problem, PROBLEM_NOT_FOUND, "There is nothing at %s%s%s.", quoted,
                       admin ? " on the admin listener" : "",
                       slash ? "; try it without the slash at the end" : "");
}

static enum ctr_status refuse_method(const struct route *route, struct problem *ret_problem)
{
    const char *allow = route->method == API_GET ? "GET, HEAD" : "POST";

    (void)problem_set(ret_problem, PROBLEM_METHOD, "%s answers to %s only.", route->path, allow);
    ret_problem->allow = allow;
    return CTR_INVALID;
}

static bool allows(const struct route *route, enum api_method method)
{
    return method == route->method || (method == API_HEAD && route->method == API_GET);
}

static enum ctr_status answer(const struct api_context *context, bool admin,
                              const struct api_request *request, struct api_response *ret_response,
                              struct problem *ret_problem)
{
    struct target target = target_split(request->target);
    struct api_call call = {context, request, target.arguments};
    const struct route *route;
    char path[QUERY_PATH_BYTES_MAX];
    enum ctr_status status = target_path(&target, path, ret_problem);

    if (status != CTR_OK)
        return status;
    route = find_route(path, admin);
    if (route == NULL)
        return refuse_path(target.path, admin, ret_problem);
    if (!allows(route, request->method))
        return refuse_method(route, ret_problem);
    return route->handler(&call, ret_response, ret_problem);
}

void api_respond(const struct api_context *context, bool admin, const struct api_request *request,
                 struct api_response *ret_response)
{
    struct problem problem;
    enum ctr_status status = answer(context, admin, request, ret_response, &problem);

    if (status == CTR_INVALID)
        problem_respond(&problem, ret_response);
    else if (status != CTR_OK)
        problem_respond_static(ret_response);
}

const char *api_route_path(size_t index)
{
    return index < sizeof routes / sizeof routes[0] ? routes[index].path : NULL;
}

void api_refuse(enum problem_kind kind, const char *detail, struct api_response *ret_response)
{
    struct problem problem;

    (void)problem_set(&problem, kind, "%s", detail);
    problem_respond(&problem, ret_response);
}

void api_response_done(struct api_response *response)
{
    free(response->body);
    response->body = NULL;
    response->body_static = NULL;
    response->body_length = 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * From a request value to a response value: the one door to everything the API can do.
 */
#ifndef LIVECTR_API_ROUTER_H
#define LIVECTR_API_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "api/problem.h"
#include "api/request.h"

/* Answers `request`; `admin`: it came through the admin listener, which serves health and metrics
 * only. Never fails: what cannot be answered is a problem, and what has no memory for that is a
 * static one. The caller ends *ret_response with api_response_done(). Thread: any. */
void api_respond(const struct api_context *context, bool admin, const struct api_request *request,
                 struct api_response *ret_response);

/* A refusal that was decided before there was a request to route. */
void api_refuse(enum problem_kind kind, const char *detail, struct api_response *ret_response);

/* The path of route `index` as openapi.yaml must list it, NULL after the last. Thread: any. */
const char *api_route_path(size_t index);

/* How route `index` (counters.h) is called in metrics and logs: its path, other or refused. */
const char *api_route_name(unsigned index);

#endif

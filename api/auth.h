/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a request may be answered: which scope its path wants, and whether its bearer token
 * (RFC 6750) has it. Pure, but for the set of tokens. Thread: any.
 */
#ifndef LIVECTR_API_AUTH_H
#define LIVECTR_API_AUTH_H

#include <stdbool.h>

#include "api/problem.h"
#include "api/request.h"
#include "api/tokens.h"

/* The scope (tokens.h) that a path wants, 0: none, and everybody may see it. Health and the
 * descriptions of the API itself are open. */
unsigned auth_scope(const char *path);

/* `admin`: it came through the admin listener. Errors: CTR_INVALID with PROBLEM_TOKEN or
 * PROBLEM_SCOPE. */
CTR_MUST_USE enum ctr_status auth_check(const struct api_context *context, bool admin,
                                        const struct api_request *request, const char *path,
                                        struct problem *ret_problem);

/* What a request that was let in may go on by, for as long as it does (tokens.h). */
void auth_pass(const struct api_context *context, const struct api_request *request, unsigned scope,
               struct tokens_pass *ret_pass);

/* Where tokens are set, what was answered to one is not for others: a cache that many share must
 * not hand it on. */
void auth_keep_private(const struct api_context *context, struct api_response *response);

#endif

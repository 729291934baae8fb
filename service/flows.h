/* SPDX-License-Identifier: Apache-2.0
 *
 * What long answers need beside their listener. Thread: main.
 */
#ifndef LIVECTR_SERVICE_FLOWS_H
#define LIVECTR_SERVICE_FLOWS_H

#include "api/request.h"
#include "service/config.h"

/* Starts them and names them in `context` (borrowed until flows_stop()), whose other members must
 * be set. Errors: CTR_NO_MEMORY, CTR_IO. */
CTR_MUST_USE enum ctr_status flows_start(struct api_context *context, const struct config *config,
                                         struct ctr_error *reterr);

/* Once every listener was stopped; also of a context that names none. */
void flows_stop(struct api_context *context);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "service/flows.h"

#include "api/export.h"
#include "api/streams.h"
#include "service/clock.h"

enum ctr_status flows_start(struct api_context *context, const struct config *config,
                            struct ctr_error *reterr)
{
    const struct exports_options exports = {
        .max = config->exports_max, .counters = context->http, .folder = config->data_dir};
    const struct streams_options streams = {.context = context,
                                            .wall_ms = clock_wall_ms,
                                            .mono_ms = clock_mono_ms,
                                            .max = config->streams_max};

    if (exports_new(&exports, &context->exports) != CTR_OK ||
        streams_new(&streams, &context->streams) != CTR_OK) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for exports and streams");
    }
    return streams_start(context->streams, reterr);
}

void flows_stop(struct api_context *context)
{
    streams_free(context->streams);
    exports_free(context->exports);
    context->streams = NULL;
    context->exports = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "service/engine.h"

#include <stdatomic.h>
#include <stdlib.h>

struct engine {
    struct store *store;
    /* Set while others look already; NULL until then. */
    struct source *_Atomic source;
    struct pipeline *_Atomic pipeline;
};

enum ctr_status engine_new(struct store **store, struct engine **ret_engine,
                           struct ctr_error *reterr)
{
    struct engine *engine = calloc(1, sizeof *engine);

    if (engine == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for an engine");
    }
    engine->store = *store;
    *store = NULL;
    *ret_engine = engine;
    return CTR_OK;
}

enum ctr_status engine_start(struct engine *engine, engine_opener *open,
                             const struct pipeline_options *options, struct ctr_error *reterr)
{
    struct pipeline_options own = *options;
    struct pipeline *pipeline = NULL;
    enum ctr_status status = open(options->config, &own.source, reterr);

    if (status != CTR_OK) {
        return status;
    }
    atomic_store(&engine->source, own.source);
    own.store = engine->store;
    status = pipeline_start(&own, &pipeline, reterr);
    if (status == CTR_OK) {
        atomic_store(&engine->pipeline, pipeline);
    }
    return status;
}

bool engine_stop(struct engine *engine)
{
    return engine == NULL || pipeline_stop(atomic_exchange(&engine->pipeline, NULL));
}

void engine_free(struct engine *engine, int deadline_ms)
{
    struct source *source = NULL;

    if (engine == NULL) {
        return;
    }
    (void)engine_stop(engine);
    source = atomic_load(&engine->source);
    if (source != NULL) {
        source->ops->close(source, deadline_ms);
    }
    store_free(engine->store);
    free(engine);
}

struct store *engine_store(struct engine *engine)
{
    return engine->store;
}

struct pipeline *engine_pipeline(struct engine *engine)
{
    return atomic_load(&engine->pipeline);
}

void engine_health(struct engine *engine, struct source_health *ret_health)
{
    struct source *source = atomic_load(&engine->source);

    *ret_health = (struct source_health){.state = "starting"};
    if (source != NULL) {
        source->ops->health(source, ret_health);
    }
}

void engine_statistics(struct engine *engine, struct kafka_facts *ret_facts)
{
    struct source *source = atomic_load(&engine->source);

    *ret_facts = (struct kafka_facts){.known = false};
    if (source != NULL && source->ops->statistics != NULL) {
        source->ops->statistics(source, ret_facts);
    }
}

int64_t engine_silent_ms(struct engine *engine, int64_t mono_ms)
{
    const struct pipeline *pipeline = atomic_load(&engine->pipeline);

    return pipeline == NULL ? 0 : mono_ms - pipeline_heartbeat_ms(pipeline);
}

bool engine_alive(struct engine *engine, int64_t mono_ms, int64_t limit_ms)
{
    return engine_silent_ms(engine, mono_ms) < limit_ms;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * From a source to numbers: a store, the source that feeds it and the pipeline between them. The
 * service has one that is saved, main, and for as long as that one is far behind a second one, the
 * scout (service/scout.h). Both are this; what differs is in the options.
 */
#ifndef LIVECTR_SERVICE_ENGINE_H
#define LIVECTR_SERVICE_ENGINE_H

#include "api/details.h"
#include "service/pipeline.h"

struct engine;

/* Opens a source, as kafka_source_open(). */
typedef enum ctr_status engine_opener(const struct config *config, struct source **ret_source,
                                      struct ctr_error *reterr);

/* An engine that stands still; its store can be read. Takes over *store (set to NULL).
 * Errors: CTR_NO_MEMORY. Thread: main, scout. */
CTR_MUST_USE enum ctr_status engine_new(struct store **store, struct engine **ret_engine,
                                        struct ctr_error *reterr);

/* Opens the source and starts the pipeline. `options` without source and store, which are the
 * engine's own. Errors: those of `open` and of pipeline_start(). Thread: main, scout. */
CTR_MUST_USE enum ctr_status engine_start(struct engine *engine, engine_opener *open,
                                          const struct pipeline_options *options,
                                          struct ctr_error *reterr);

/* Ends the pipeline (the checkpointer gets its last cut) and with it all writing. The store stays.
 * False: there was something to save, and it could not be handed over. NULL is fine. Thread: as
 * engine_start(). */
bool engine_stop(struct engine *engine);

/* Stops it if need be, closes the source within deadline_ms and frees the store: nobody may read it
 * any more. NULL is fine. Thread: any, once stopped. */
void engine_free(struct engine *engine, int deadline_ms);

struct store *engine_store(struct engine *engine);

/* NULL until started. Valid until engine_stop(). */
struct pipeline *engine_pipeline(struct engine *engine);

/* The source's health, "starting" until there is one. Thread: any. */
void engine_health(struct engine *engine, struct source_health *ret_health);

/* What the source's library says of itself; nothing where there is none. Thread: any. */
void engine_statistics(struct engine *engine, struct kafka_facts *ret_facts);

/* For how long the ingest thread has not moved; 0 while there is none. Thread: any. */
int64_t engine_silent_ms(struct engine *engine, int64_t mono_ms);

/* The ingest thread, if there is one yet, has moved within the last limit_ms. Thread: any. */
bool engine_alive(struct engine *engine, int64_t mono_ms, int64_t limit_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts about the service's parts, as the API tells them. Thread: any.
 */
#ifndef LIVECTR_SERVICE_FACTS_H
#define LIVECTR_SERVICE_FACTS_H

#include "api/request.h"
#include "service/checkpointer.h"
#include "service/engine.h"
#include "service/scout.h"

/* Who moves: ingest, and where there is one (scout NULL: none) the scout with its own ingest; and
 * whether all do. The snapshot thread is not among them: it waits for a disk, and a disk that hangs
 * is no reason to give up answers that are right. Nor is the watcher, which waits for brokers. */
void facts_read_beats(struct engine *main, struct scout *scout, int64_t mono_ms,
                      struct service_facts *ret_facts);

void facts_read_snapshot(struct checkpointer *checkpointer, struct service_facts *ret_facts);

void facts_read_source(struct engine *main, struct service_facts *ret_facts);

/* api_context.history, with what answers it. */
enum ctr_status facts_read_history(struct checkpointer *checkpointer,
                                   const struct api_history_question *question,
                                   struct api_history *ret_history);

#endif

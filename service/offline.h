/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr replay --offline`: counts instead of producing. The pipeline, the store and the snapshot
 * of the service, on a data folder that is thrown away, and the minutes of it as the result.
 */
#ifndef LIVECTR_SERVICE_OFFLINE_H
#define LIVECTR_SERVICE_OFFLINE_H

#include "service/replay_options.h"

/* Returns an exit code of service/replay.h. Thread: main; takes SIGINT and SIGTERM for as long as
 * it runs. */
int offline_run(const struct replay_options *options);

#endif

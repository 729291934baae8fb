/* SPDX-License-Identifier: Apache-2.0
 *
 * A data_dir that is thrown away.
 */
#ifndef LIVECTR_SERVICE_SCRATCH_H
#define LIVECTR_SERVICE_SCRATCH_H

#include <stddef.h>

#include "storage/status.h"

/* Makes a folder of its own in TMPDIR (/tmp). Errors: CTR_IO; ret_path is "" then. Thread: main. */
CTR_MUST_USE enum ctr_status scratch_make(char *ret_path, size_t path_bytes,
                                          struct ctr_error *reterr);

/* Removes it and the files that a service keeps there; "" is fine. */
void scratch_remove(const char *path);

#endif

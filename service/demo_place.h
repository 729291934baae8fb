/* SPDX-License-Identifier: Apache-2.0
 *
 * What the demo borrows from the machine: a directory of its own, and ports that are free.
 */
#ifndef LIVECTR_SERVICE_DEMO_PLACE_H
#define LIVECTR_SERVICE_DEMO_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

enum { DEMO_DIRECTORY_BYTES = 512 };

/* Makes a directory under TMPDIR (/tmp without it) that only this user can read. Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status demo_directory_make(char ret_path[DEMO_DIRECTORY_BYTES],
                                                 struct ctr_error *reterr);

/* Removes it with the files in it; "" is fine. Errors: CTR_IO naming what is left. */
CTR_MUST_USE enum ctr_status demo_directory_remove(const char *path, struct ctr_error *reterr);

/* Whether nobody listens on 127.0.0.1:port, not even one who would share it. */
bool demo_port_free(uint16_t port);

#endif

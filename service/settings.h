/* SPDX-License-Identifier: Apache-2.0
 *
 * From the settings to what the store is made with: the one place, so that the service and an
 * offline replay of the same settings count alike.
 */
#ifndef LIVECTR_SERVICE_SETTINGS_H
#define LIVECTR_SERVICE_SETTINGS_H

#include "service/config.h"
#include "storage/status.h"
#include "storage/store.h"

/* Reads (or makes, in data_dir, which must be there) the hash key. Errors: CTR_IO, CTR_INVALID,
 * CTR_NOT_FOUND with the way out. Thread: main. */
CTR_MUST_USE enum ctr_status settings_store_options(const struct config *config,
                                                    struct store_options *ret_options,
                                                    struct ctr_error *reterr);

#endif

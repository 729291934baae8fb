/* SPDX-License-Identifier: Apache-2.0 */
#include "service/settings.h"

#include <stdio.h>

#include "service/secret.h"

enum ctr_status settings_store_options(const struct config *config,
                                       struct store_options *ret_options, struct ctr_error *reterr)
{
    char path[CONFIG_TEXT_BYTES + 32];
    bool named = config->hash_key[0] != '\0';

    *ret_options = (struct store_options){
        .windows = config->windows,
        .clock = config->clock,
        .page_impressions = config->page_impressions,
        .settle_ms = config->settle_ms,
        .late_ms = config->late_ms,
        .future_ms = config->future_ms,
        .people_horizon_ms = config->people_horizon_ms,
        .dedup_horizon_ms = config->dedup_horizon_ms,
        .lateness_ms = config->lateness_ms,
        .click_gap_ms = config->click_gap_ms == INT64_MAX ? 0 : config->click_gap_ms,
        .visitors_max = config->visitors_max,
        .ids_max = config->ids_max,
        .minutes_max = config->minutes_max,
        .keys_max = config->keys_max,
        .held_max = config->held_max,
        .key_text_max_bytes = config->key_text_max_bytes,
        .held_max_bytes = config->held_max_bytes};
    (void)snprintf(path, sizeof path, "%s%s", named ? config->hash_key : config->data_dir,
                   named ? "" : "/hash.key");
    return secret_load(path, !named, ret_options->hash_secret, reterr);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings and totals of a saved checkpoint: one row per name under one checksum.
 */
#include <string.h>

#include "storage/snapshot_internal.h"

static enum ctr_status meta_integer(struct snapshot *snapshot, const char *name, int64_t *ret_value,
                                    struct ctr_error *reterr)
{
    struct sql_statement *statement = NULL;
    enum ctr_status status =
        sql_prepare(snapshot->sql, "SELECT value FROM meta WHERE name = ?", &statement, reterr);

    if (status != CTR_OK) {
        return status;
    }
    sql_set_text(statement, 1, name);
    status = sql_next(snapshot->sql, statement, reterr);
    if (status == CTR_OK) {
        *ret_value = sql_get_integer(statement, 0);
    }
    sql_finish(statement);
    return status;
}

enum { WINDOWS_TEXT_BYTES = WINDOWS_MAX * (WINDOW_NAME_BYTES + 1) };

static enum ctr_status meta_windows(struct snapshot *snapshot, char ret_list[WINDOWS_TEXT_BYTES],
                                    struct ctr_error *reterr)
{
    struct sql_statement *statement = NULL;
    size_t length = 0;
    const void *bytes = NULL;
    enum ctr_status status = sql_prepare(
        snapshot->sql, "SELECT value FROM meta WHERE name = 'windows'", &statement, reterr);

    if (status != CTR_OK) {
        return status;
    }
    status = sql_next(snapshot->sql, statement, reterr);
    if (status == CTR_OK) {
        bytes = sql_get_bytes(statement, 0, &length);
        if (length == 0 || length >= WINDOWS_TEXT_BYTES) {
            status = CTR_CORRUPT;
        } else {
            memcpy(ret_list, bytes, length);
        }
    }
    sql_finish(statement);
    return status;
}

/* What was lost with its own checksum shows in the number of rows. */
static bool all_there(const struct checkpoint *into, const int64_t values[META_COUNT])
{
    return values[META_PARTITIONS] == (int64_t)into->partitions_count &&
           values[META_KEYS] == (int64_t)into->keys_count &&
           values[META_SLICES] == (int64_t)into->slices_count &&
           values[META_HELD] == (int64_t)into->buckets_count &&
           values[META_JOURNALS] == into->journals_total &&
           values[META_MINUTES] == (int64_t)into->minutes_count;
}

static enum ctr_status read_meta(struct snapshot *snapshot, int64_t ret_values[META_COUNT],
                                 char ret_windows[WINDOWS_TEXT_BYTES], struct ctr_error *reterr)
{
    int64_t checksum = 0;
    enum ctr_status status = meta_integer(snapshot, "checksum", &checksum, reterr);

    for (size_t i = 0; i < META_COUNT && status == CTR_OK; i++) {
        status = meta_integer(snapshot, snapshot_meta_names[i], &ret_values[i], reterr);
    }
    if (status == CTR_OK) {
        status = meta_windows(snapshot, ret_windows, reterr);
    }
    if (status != CTR_OK) {
        return status;
    }
    return checksum == snapshot_checksum(ret_values, META_COUNT, ret_windows, strlen(ret_windows))
               ? CTR_OK
               : CTR_CORRUPT;
}

enum ctr_status snapshot_read_cut(struct snapshot *snapshot, struct ctr_error *reterr)
{
    int64_t values[META_COUNT] = {0};
    char windows[WINDOWS_TEXT_BYTES] = "";
    int64_t rows = 0;
    enum ctr_status status = sql_integer(snapshot->sql, "SELECT count(*) FROM meta", &rows, reterr);

    if (status != CTR_OK) {
        return status;
    }
    snapshot->cut = 0;
    if (rows == 0) {
        return CTR_OK;
    }
    status = read_meta(snapshot, values, windows, reterr);
    if (status == CTR_NOT_FOUND || status == CTR_CORRUPT) {
        return ctr_fail(reterr, CTR_CORRUPT, "the snapshot's settings are damaged");
    }
    snapshot->cut = status == CTR_OK ? (uint64_t)values[META_CUT] : 0;
    return status;
}

enum ctr_status snapshot_load_meta(struct snapshot *snapshot, struct checkpoint *into,
                                   struct ctr_error *reterr)
{
    int64_t values[META_COUNT] = {0};
    char windows[WINDOWS_TEXT_BYTES] = "";
    enum ctr_status status = read_meta(snapshot, values, windows, reterr);

    if (status != CTR_OK) {
        return status;
    }
    if (values[META_CLOCK] < CLOCK_WALL || values[META_CLOCK] > CLOCK_EVENT ||
        values[META_PAGE_IMPRESSIONS] < PAGE_IMPRESSIONS_PAGE_VIEWS ||
        values[META_PAGE_IMPRESSIONS] > PAGE_IMPRESSIONS_BOX_VIEWS || !all_there(into, values) ||
        window_set_parse(windows, &into->windows, NULL) != CTR_OK) {
        return CTR_CORRUPT;
    }
    into->as_of_ms = values[META_AS_OF];
    into->to_ms = values[META_TO];
    into->covered_from_ms = values[META_COVERED_FROM];
    into->keys_folded = (uint64_t)values[META_KEYS_FOLDED];
    into->cut = (uint64_t)values[META_CUT];
    into->people_horizon_ms = values[META_PEOPLE_HORIZON];
    into->dedup_horizon_ms = values[META_DEDUP_HORIZON];
    into->click_gap_ms = values[META_CLICK_GAP];
    into->secret_check = values[META_SECRET_CHECK];
    into->repeated = (uint64_t)values[META_REPEATED];
    into->keys_total = into->keys_count;
    into->slices_total = into->slices_count;
    into->buckets_total = into->buckets_count;
    into->clock = (enum clock_mode)values[META_CLOCK];
    into->page_impressions = (enum page_impressions)values[META_PAGE_IMPRESSIONS];
    return CTR_OK;
}

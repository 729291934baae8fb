/* SPDX-License-Identifier: Apache-2.0 */
#include "service/offline_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/offline_rows.h"
#include "storage/checkpoint.h"
#include "storage/snapshot.h"

enum { PATH_BYTES = 1200 };

static enum ctr_status write_result(const struct offline_output *output, FILE *file,
                                    uint64_t *ret_rows, struct ctr_error *reterr)
{
    struct snapshot *snapshot = NULL;
    struct checkpoint *checkpoint = NULL;
    struct offline_rows_options rows = {
        .format = output->format, .lateness_ms = output->lateness_ms, .file = file};
    enum ctr_status status = snapshot_open(output->database, &snapshot, reterr);

    if (status == CTR_OK) {
        status = snapshot_load(snapshot, &checkpoint, reterr);
    }
    if (status == CTR_OK) {
        status = checkpoint_open_minutes(checkpoint);
    }
    if (status == CTR_OK) {
        status =
            offline_rows_write(&rows, snapshot_history(snapshot), checkpoint, ret_rows, reterr);
    }
    checkpoint_free(checkpoint);
    snapshot_close(snapshot);
    return status;
}

enum ctr_status offline_output_write(const struct offline_output *output, uint64_t *ret_rows,
                                     struct ctr_error *reterr)
{
    const char *name = output->name;
    char part[PATH_BYTES];
    FILE *file = NULL;
    enum ctr_status status = CTR_OK;

    if (name == NULL) {
        return write_result(output, stdout, ret_rows, reterr);
    }
    if (snprintf(part, sizeof part, "%s.part", name) >= (int)sizeof part) {
        return ctr_fail(reterr, CTR_INVALID, "--output: the path is too long");
    }
    file = fopen(part, "we");
    if (file == NULL) {
        return ctr_fail(reterr, CTR_IO, "--output %.200s: %s", part, strerror(errno));
    }
    status = write_result(output, file, ret_rows, reterr);
    if (fclose(file) != 0 && status == CTR_OK) {
        status = ctr_fail(reterr, CTR_IO, "--output %.200s: %s", part, strerror(errno));
    }
    if (status == CTR_OK && rename(part, name) != 0) {
        status = ctr_fail(reterr, CTR_IO, "--output %.200s: %s", name, strerror(errno));
    }
    if (status != CTR_OK) {
        (void)unlink(part);
    }
    return status;
}

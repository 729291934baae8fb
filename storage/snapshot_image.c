/* SPDX-License-Identifier: Apache-2.0
 *
 * The image beside a snapshot (storage/image.h): `livectr.db.image-a` and `-b` take turns, and the
 * row `image` of meta says by its token which one goes with this file. The row is no part of meta's
 * checksum: a token that nobody wrote names no image.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/image.h"
#include "storage/snapshot_internal.h"

enum { PATH_BYTES = 1024 };

static void image_path(const struct snapshot *snapshot, int slot, char ret_path[PATH_BYTES])
{
    (void)snprintf(ret_path, PATH_BYTES, "%s.image-%c", snapshot->path, slot == 0 ? 'a' : 'b');
}

/* ---- writing ------------------------------------------------------------------------------- */

static void give_up(struct snapshot *snapshot)
{
    image_writer_close(snapshot->images.writer);
    snapshot->images.writer = NULL;
}

static enum ctr_status begin(struct snapshot *snapshot, const struct image_batch *batch,
                             struct ctr_error *reterr)
{
    struct snapshot_images *images = &snapshot->images;
    char path[PATH_BYTES];
    int64_t token = 0;
    enum ctr_status status = CTR_OK;

    give_up(snapshot);
    images->finished = 0; /* one that no save has named yet: its file may be overwritten */
    if (batch->cut != snapshot->cut) {
        return CTR_OK; /* that cut was not saved; what comes now is for nothing */
    }
    status = sql_integer(snapshot->sql, "SELECT random()", &token, reterr);
    if (status != CTR_OK) {
        return status;
    }
    images->writing_slot = images->named == 0 ? 0 : 1 - images->named_slot;
    image_path(snapshot, images->writing_slot, path);
    return image_writer_open(path, token == 0 ? 1 : (uint64_t)token, batch, &images->writer,
                             reterr);
}

enum ctr_status snapshot_put_image(struct snapshot *snapshot, const struct image_batch *batch,
                                   struct ctr_error *reterr)
{
    struct snapshot_images *images = &snapshot->images;
    enum ctr_status status = batch->first ? begin(snapshot, batch, reterr) : CTR_OK;

    if (status == CTR_OK && images->writer != NULL && !image_writer_takes(images->writer, batch)) {
        give_up(snapshot);
    }
    if (status == CTR_OK && images->writer != NULL) {
        status = image_writer_add(images->writer, batch, reterr);
    }
    if (status == CTR_OK && images->writer != NULL && batch->last) {
        images->finished = image_writer_token(images->writer);
        give_up(snapshot);
    }
    if (status != CTR_OK) {
        give_up(snapshot);
    }
    return status;
}

/* ---- in a save ----------------------------------------------------------------------------- */

/* Over the numbers of all journals: a row whose number was damaged must not pass for one that the
 * image has. The rows that are loaded have it in their checksum, too. */
static enum ctr_status sum_journals(struct snapshot *snapshot, int64_t *ret_sum,
                                    struct ctr_error *reterr)
{
    struct sql_statement *statement = NULL;
    uint64_t sum = 1;
    enum ctr_status status = sql_prepare(
        snapshot->sql, "SELECT number FROM journal ORDER BY number", &statement, reterr);

    while (status == CTR_OK) {
        status = sql_next(snapshot->sql, statement, reterr);
        sum = status == CTR_OK ? hash_mix(sum, (uint64_t)sql_get_integer(statement, 0), 0) : sum;
    }
    sql_finish(statement);
    *ret_sum = (int64_t)sum;
    return status == CTR_NOT_FOUND ? CTR_OK : status;
}

static enum ctr_status put_integer(struct snapshot *snapshot, const char *name, int64_t value,
                                   struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_META];

    sql_set_text(put, 1, name);
    sql_set_integer(put, 2, value);
    return sql_do(snapshot->sql, put, reterr);
}

enum ctr_status snapshot_name_image(struct snapshot *snapshot, struct ctr_error *reterr)
{
    const struct snapshot_images *images = &snapshot->images;
    uint64_t token = images->finished != 0 ? images->finished : images->named;
    int64_t sum = 0;
    enum ctr_status status = sum_journals(snapshot, &sum, reterr);

    if (status == CTR_OK) {
        status = put_integer(snapshot, "image_journals", sum, reterr);
    }
    return status == CTR_OK ? put_integer(snapshot, "image", (int64_t)token, reterr) : status;
}

void snapshot_image_named(struct snapshot *snapshot)
{
    struct snapshot_images *images = &snapshot->images;

    if (images->finished != 0) {
        images->named = images->finished;
        images->named_slot = images->writing_slot;
        images->finished = 0;
    }
}

void snapshot_images_done(struct snapshot *snapshot)
{
    give_up(snapshot);
    free(snapshot->path);
}

/* ---- loading ------------------------------------------------------------------------------- */

enum ctr_status snapshot_load_image(struct snapshot *snapshot, struct image **ret_image,
                                    struct ctr_error *reterr)
{
    struct snapshot_images *images = &snapshot->images;
    int64_t token = 0;
    enum ctr_status status = sql_integer(
        snapshot->sql, "SELECT coalesce((SELECT value FROM meta WHERE name = 'image'), 0)", &token,
        reterr);

    *ret_image = NULL;
    images->named = 0;
    if (status != CTR_OK || token == 0 || images->ignored) {
        return status;
    }
    for (int slot = 0; slot < 2 && *ret_image == NULL; slot++) {
        char path[PATH_BYTES];

        image_path(snapshot, slot, path);
        if (image_open(path, (uint64_t)token, ret_image) == CTR_OK) {
            images->named = (uint64_t)token;
            images->named_slot = slot;
        }
    }
    return CTR_OK;
}

static bool fits(struct snapshot *snapshot, const struct image *image,
                 const struct checkpoint *into)
{
    int64_t found = 0;
    int64_t wanted = 1;

    return image->secret_check == into->secret_check && image->cut <= into->cut &&
           sum_journals(snapshot, &found, NULL) == CTR_OK &&
           sql_integer(snapshot->sql, "SELECT value FROM meta WHERE name = 'image_journals'",
                       &wanted, NULL) == CTR_OK &&
           found == wanted;
}

void snapshot_fit_image(struct snapshot *snapshot, struct checkpoint *into)
{
    if (into->image != NULL && !fits(snapshot, into->image, into)) {
        image_free(into->image);
        into->image = NULL;
        snapshot->images.named = 0;
    }
}

void snapshot_ignore_image(struct snapshot *snapshot)
{
    snapshot->images.ignored = true;
    snapshot->images.named = 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Images: what is written is read; what was damaged is not; which file counts is said by the save.
 */
#include "tests/unit/storage_snapshot_fixture.h"

#include "storage/image.h"
#include "storage/store_image.h"

enum { IMAGE_PATH_BYTES = PATH_BYTES + 16 };

static void name_image(char slot, char ret_path[IMAGE_PATH_BYTES])
{
    (void)snprintf(ret_path, IMAGE_PATH_BYTES, "%s.image-%c", path, slot);
}

/* A whole image, begun with the last cut, in parts of about `bytes`. */
static void put_image(struct snapshot *snapshot, struct store *store, size_t bytes)
{
    store_image_begin(store);
    while (store_image_active(store)) {
        struct image_batch *batch = NULL;

        assert_int_equal(store_image_next(store, bytes, &batch), CTR_OK);
        assert_int_equal(snapshot_put_image(snapshot, batch, NULL), CTR_OK);
        image_batch_free(batch);
    }
}

static struct store_options full_options(void)
{
    struct store_options options = fixture_options("1m,10m");

    options.click_gap_ms = 10000;
    return options;
}

/* What readers see of some names in all windows. */
static void read_figures(const struct store *store, struct figures ret_figures[2][4])
{
    static const struct key_name names[4] = {
        {{0}, {0}}, {{"/a", 2}, {0}}, {{0}, {"box", 3}}, {{"/a", 2}, {"box", 3}}};
    struct reading reading;

    memset(ret_figures, 0, 2 * sizeof ret_figures[0]);
    for (size_t w = 0; w < 2; w++) {
        store_read(store, w, names, 4, ret_figures[w], &reading);
    }
}

static void assert_same_people(const struct store *left, const struct store *right)
{
    static struct figures a[2][4];
    static struct figures b[2][4];
    struct store_status left_status;
    struct store_status right_status;

    read_figures(left, a);
    read_figures(right, b);
    for (int i = 0; i < 8; i++) {
        assert_memory_equal(&a[i / 4][i % 4].crowd, &b[i / 4][i % 4].crowd, sizeof a[0][0].crowd);
        assert_memory_equal(&a[i / 4][i % 4].totals, &b[i / 4][i % 4].totals,
                            sizeof a[0][0].totals);
    }
    assert_int_equal(store_status_read(left, &left_status), CTR_OK);
    assert_int_equal(store_status_read(right, &right_status), CTR_OK);
    assert_true(left_status.people > 0 && left_status.ids > 0);
    assert_int_equal(left_status.people, right_status.people);
    assert_int_equal(left_status.ids, right_status.ids);
    store_status_done(&left_status);
    store_status_done(&right_status);
}

/* Loads the file as a start does. Gives whether an image was used. */
/* All of a file, as it is read at a start. */
static enum ctr_status read_image(const char *image_path, uint64_t token, struct image **ret_image)
{
    enum ctr_status status = image_open(image_path, token, ret_image);

    if (status == CTR_OK) {
        status = image_wait(*ret_image);
        if (status != CTR_OK) {
            image_free(*ret_image);
        }
    }
    return status;
}

static bool check_start(const struct store *wanted, size_t journals)
{
    struct store_options options = full_options();
    struct snapshot *snapshot = open_snapshot();
    struct checkpoint *loaded = NULL;
    struct store *store = NULL;
    struct ctr_error err = {.text = ""};
    bool used = false;

    if (snapshot_load(snapshot, &loaded, &err) != CTR_OK) {
        fail_msg("%s", err.text);
    }
    used = loaded->image != NULL;
    if (used) {
        assert_int_equal(loaded->journals_count, journals);
    }
    if (store_restore(&options, loaded, &store, &err) == CTR_CORRUPT && used) {
        /* As a start does it: without the image. */
        used = false;
        checkpoint_free(loaded);
        snapshot_ignore_image(snapshot);
        assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_OK);
        assert_null(loaded->image);
        err.status = store_restore(&options, loaded, &store, &err);
    }
    if (store == NULL) {
        fail_msg("%s", err.text);
    }
    assert_same_people(wanted, store);
    checkpoint_free(loaded);
    store_free(store);
    snapshot_close(snapshot);
    return used;
}

static void a_start_takes_an_image_once_a_save_names_it(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();

    (void)state;
    save(snapshot, store, true);
    put_image(snapshot, store, 1000);
    snapshot_close(snapshot);
    assert_false(check_start(store, 0));

    snapshot = open_snapshot();
    save(snapshot, store, true);
    put_image(snapshot, store, 1000000000);
    save(snapshot, store, false);
    snapshot_close(snapshot);
    assert_true(check_start(store, 0));
    store_free(store);
}

static void what_came_since_is_merged(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();

    (void)state;
    save(snapshot, store, true);
    put_image(snapshot, store, 1000000000);
    save(snapshot, store, false);
    for (int i = 0; i < 20; i++) {
        give_named(store, 30 + i, i % 3 == 0 ? "/a" : "/d");
        settle_at(store, BEGIN_MS + (31 + i) * 7000);
        save(snapshot, store, false);
    }
    snapshot_close(snapshot);
    assert_true(check_start(store, 20));
    store_free(store);
}

/* Two files take turns, so there is always the one that the last save names. */
static void an_image_under_way_leaves_the_one_before_alone(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    struct image_batch *batch = NULL;
    char other[IMAGE_PATH_BYTES];

    (void)state;
    for (int i = 0; i < 4; i++) {
        save(snapshot, store, i == 0);
        put_image(snapshot, store, 1000000000);
        save(snapshot, store, false);
        store_image_begin(store);
        assert_int_equal(store_image_next(store, 1, &batch), CTR_OK);
        assert_int_equal(snapshot_put_image(snapshot, batch, NULL), CTR_OK);
        image_batch_free(batch);
        save(snapshot, store, false);
        name_image(i % 2 == 0 ? 'b' : 'a', other);
        assert_int_equal(access(other, F_OK), 0);
    }
    snapshot_close(snapshot);
    assert_true(check_start(store, 0));
    store_free(store);
}

static void an_image_of_a_cut_that_was_not_saved_is_none(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    struct checkpoint *cut = NULL;

    (void)state;
    save(snapshot, store, true);
    assert_int_equal(store_cut(store, false, &cut), CTR_OK);
    checkpoint_free(cut); /* as where the disk was full */
    put_image(snapshot, store, 1000000000);
    save(snapshot, store, true);
    snapshot_close(snapshot);
    assert_false(check_start(store, 0));
    store_free(store);
}

/* The file of a snapshot that was put back from elsewhere names another image, or none. */
static void an_image_goes_with_its_own_snapshot_alone(void **state)
{
    static unsigned char bytes[FILE_BYTES_MAX];
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    size_t length = 0;

    (void)state;
    save(snapshot, store, true);
    put_image(snapshot, store, 1000000000);
    save(snapshot, store, false);
    snapshot_close(snapshot);
    length = read_file(path, bytes);
    snapshot = open_snapshot();
    for (int i = 0; i < 2; i++) {
        save(snapshot, store, i == 0);
        put_image(snapshot, store, 1000000000);
        save(snapshot, store, false);
    }
    snapshot_close(snapshot);
    assert_true(check_start(store, 0));
    write_file(path, bytes, length);
    assert_false(check_start(store, 0));
    store_free(store);
}

static void every_flipped_bit_and_every_cut_end_is_noticed(void **state)
{
    static unsigned char bytes[FILE_BYTES_MAX];
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    struct image *image = NULL;
    char image_path[IMAGE_PATH_BYTES];
    uint64_t token = 0;
    size_t length = 0;

    (void)state;
    save(snapshot, store, true);
    put_image(snapshot, store, 1000000000);
    save(snapshot, store, false);
    snapshot_close(snapshot);
    name_image('a', image_path);
    length = read_file(image_path, bytes);
    memcpy(&token, bytes + 24, sizeof token);
    assert_int_equal(read_image(image_path, token, &image), CTR_OK);
    image_free(image);
    assert_int_equal(read_image(image_path, token + 1, &image), CTR_NOT_FOUND);
    for (size_t at = 0; at < length; at++) {
        bytes[at] ^= (unsigned char)(1 << at % 8);
        write_file(image_path, bytes, length);
        assert_int_not_equal(read_image(image_path, token, &image), CTR_OK);
        bytes[at] ^= (unsigned char)(1 << at % 8);
        write_file(image_path, bytes, at);
        assert_int_not_equal(read_image(image_path, token, &image), CTR_OK);
    }
    bytes[length] = 0;
    write_file(image_path, bytes, length + 1);
    assert_int_not_equal(read_image(image_path, token, &image), CTR_OK);
    assert_false(check_start(store, 0));
    assert_int_equal(unlink(image_path), 0);
    assert_int_equal(read_image(image_path, token, &image), CTR_NOT_FOUND);
    assert_false(check_start(store, 0));
    store_free(store);
}

static void one_is_wanted_after_as_many_events_as_it_is_worth(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = NULL;
    struct snapshot *snapshot = open_snapshot();

    (void)state;
    options.held_max = 10 * IMAGE_EVENTS_MIN;
    options.visitors_max = options.ids_max = 10 * IMAGE_EVENTS_MIN;
    store = fixture_store(&options, 1);
    save(snapshot, store, true);
    for (int i = 0; i < IMAGE_EVENTS_MIN; i++) {
        char id[16];

        (void)snprintf(id, sizeof id, "%d", i);
        give(store, 0, BEGIN_MS,
             (struct given){
                 .type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/a", .visitor = id, .id = id});
        if (i == IMAGE_EVENTS_MIN - 2) {
            settle_at(store, BEGIN_MS + 5000);
            save(snapshot, store, false);
            assert_false(store_image_wanted(store, false));
            assert_false(store_image_wanted(store, true));
        }
    }
    settle_at(store, BEGIN_MS + 10000);
    assert_false(store_image_wanted(store, true)); /* what no cut has yet does not count */
    save(snapshot, store, false);
    assert_true(store_image_wanted(store, true));
    assert_true(store_image_wanted(store, false));
    put_image(snapshot, store, 1000);
    assert_false(store_image_wanted(store, true));
    snapshot_close(snapshot);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_start_takes_an_image_once_a_save_names_it, make_path),
        cmocka_unit_test_setup(what_came_since_is_merged, make_path),
        cmocka_unit_test_setup(an_image_under_way_leaves_the_one_before_alone, make_path),
        cmocka_unit_test_setup(an_image_of_a_cut_that_was_not_saved_is_none, make_path),
        cmocka_unit_test_setup(an_image_goes_with_its_own_snapshot_alone, make_path),
        cmocka_unit_test_setup(every_flipped_bit_and_every_cut_end_is_noticed, make_path),
        cmocka_unit_test_setup(one_is_wanted_after_as_many_events_as_it_is_worth, make_path),
    };

    return cmocka_run_group_tests_name("storage/image", tests, make_directory, remove_directory);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The newest of two files is damaged anywhere: a bit turned, a page of zeros, the end cut off. What
 * is loaded, and what the history says, is what was saved. LIVECTR_ROUNDS: how many positions.
 */
#include "storage/copies.h"

#include "storage_snapshot_fixture.h"

#include "storage/history.h"

enum { ROUNDS = 900, MINUTES = 95, PAGES = 400, MEND_EACH = 40, PAGE_BYTES = 4096 };

static char second[PATH_BYTES + 8];
static unsigned char good[FILE_BYTES_MAX];
static unsigned char hurt[FILE_BYTES_MAX];
static size_t length;
static unsigned damaged;

static void note(void *owner, enum copies_event event, const char *file, const char *text)
{
    (void)owner;
    (void)file;
    (void)text;
    damaged += event == COPIES_DAMAGED;
}

static struct copies *open_copies(void)
{
    const struct copies_options options = {.paths = {path, second}, .count = 2, .note = note};
    struct copies *copies = NULL;
    struct ctr_error error = {0};

    if (copies_open(&options, &copies, &error) != CTR_OK) {
        fail_msg("%s", error.text);
    }
    return copies;
}

/* Many pages with boxes, visitors and ids over more than an hour. */
static struct store *realistic_store(struct copies *copies)
{
    static const char *const visitors[] = {"v1", "v2", "v3", "v4", "v5", NULL};
    struct store_options options = fixture_options("1m,10m,1h");
    struct store *store = fixture_store(&options, 2);
    uint64_t dice = 1;

    for (int i = 0; i < MINUTES * 120; i++) {
        int64_t now_ms = BEGIN_MS + i * 500;
        char page[24];
        char id[24];

        dice = hash_mix(dice, (uint64_t)i, 7);
        (void)snprintf(page, sizeof page, "/page/%d", (int)(dice % PAGES));
        (void)snprintf(id, sizeof id, "id %d", i);
        give(store, (uint32_t)i % 2, now_ms,
             (struct given){.type = dice >> 20 & 3 ? EVENT_VIEW : EVENT_CLICK,
                            .ts_ms = now_ms - (int64_t)(dice >> 30 & 8191),
                            .page = page,
                            .box = dice >> 50 & 1 ? "box" : NULL,
                            .visitor = visitors[(dice >> 40) % 6],
                            .id = id});
        if (i % 400 == 399) {
            struct checkpoint *cut = NULL;

            settle_at(store, now_ms);
            assert_int_equal(store_cut(store, i == 399, &cut), CTR_OK);
            assert_int_equal(copies_save(copies, cut, BEGIN_MS, NULL), CTR_OK);
            checkpoint_free(cut);
        }
    }
    return store;
}

static bool add_point(void *owner, const struct minute_key *key, const struct history_point *point)
{
    uint64_t *sum = owner;

    *sum += hash_mix(hash_checksum(key->page.bytes, key->page.length),
                     hash_checksum(key->box.bytes, key->box.length) + key->level,
                     hash_checksum(point, sizeof *point));
    return true;
}

/* Of the file that can give it, as a reader would be answered. */
static uint64_t history_sum(struct copies *copies)
{
    enum ctr_status status = CTR_OK;
    uint64_t sum = 0;

    do {
        sum = 0;
        status = history_each(copies_history(copies), add_point, &sum, NULL);
    } while (status != CTR_OK && copies_history_failed(copies, status, "history"));
    assert_int_equal(status, CTR_OK);
    return sum;
}

/* Damages `hurt` at a position; its length then. */
static size_t damage(size_t round)
{
    size_t bit = (size_t)(round * UINT64_C(0x9E3779B97F4A7C15) % (length * 8));

    memcpy(hurt, good, length);
    switch (round % 3) {
    case 0:
        hurt[bit / 8] ^= (unsigned char)(1U << bit % 8);
        return length;
    case 1:
        memset(hurt + bit / 8 / PAGE_BYTES * PAGE_BYTES, 0, PAGE_BYTES);
        return length;
    default:
        return bit / 8;
    }
}

static void check_mended(struct copies *copies, uint64_t wanted)
{
    struct copies_health health;
    const char *const files[] = {path, second};

    for (int i = 0; i < 1000 && copies_mend(copies); i++) {
    }
    copies_health(copies, &health);
    assert_int_equal(health.good, 2);
    copies_close(copies);
    for (size_t i = 0; i < 2; i++) {
        struct snapshot *snapshot = NULL;
        uint64_t sum = 0;

        assert_int_equal(snapshot_open(files[i], &snapshot, NULL), CTR_OK);
        assert_int_equal(history_each(snapshot_history(snapshot), add_point, &sum, NULL), CTR_OK);
        assert_int_equal(sum, wanted);
        snapshot_close(snapshot);
    }
}

static void damage_anywhere_is_noticed_or_without_effect(void **state)
{
    const char *text = getenv("LIVECTR_ROUNDS");
    size_t rounds = text == NULL ? ROUNDS : strtoull(text, NULL, 10);
    struct copies *copies = NULL;
    struct store *store = NULL;
    struct checkpoint *wanted = NULL;
    uint64_t history = 0;

    (void)state;
    (void)snprintf(second, sizeof second, "%s.2", path);
    copies = open_copies();
    store = realistic_store(copies);
    history = history_sum(copies);
    copies_close(copies);
    length = read_file(path, good);
    assert_true(length > 60 * PAGE_BYTES);
    copies = open_copies();
    assert_int_equal(copies_load(copies, &wanted, NULL), CTR_OK);
    copies_close(copies);
    for (size_t round = 0; round < rounds; round++) {
        struct checkpoint *loaded = NULL;
        struct ctr_error error = {0};

        write_file(path, hurt, damage(round));
        write_file(second, good, length);
        copies = open_copies();
        if (copies_load(copies, &loaded, &error) != CTR_OK) {
            fail_msg("round %zu: %s", round, error.text);
        }
        assert_same_checkpoint(loaded, wanted);
        checkpoint_free(loaded);
        copies_settle(copies);
        assert_true(history_sum(copies) == history);
        if (round % MEND_EACH == 0) {
            check_mended(copies, history);
        } else {
            copies_close(copies);
        }
    }
    /* All but a bit in a page that nobody reads (an unused one). */
    assert_true(damaged > rounds * 9 / 10);
    checkpoint_free(wanted);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(damage_anywhere_is_noticed_or_without_effect, make_path),
    };

    return cmocka_run_group_tests_name("storage/copies_damage", tests, make_directory,
                                       remove_directory);
}

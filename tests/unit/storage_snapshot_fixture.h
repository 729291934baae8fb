/* SPDX-License-Identifier: Apache-2.0
 *
 * A snapshot's file in a folder of its own, and a store with something of everything.
 */
#ifndef LIVECTR_TESTS_UNIT_STORAGE_SNAPSHOT_FIXTURE_H
#define LIVECTR_TESTS_UNIT_STORAGE_SNAPSHOT_FIXTURE_H

#include "storage/snapshot.h"

#include "storage_fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/pack.h"
#include "storage/store_status.h"

enum { PATH_BYTES = 96, FILE_BYTES_MAX = 1 << 20 };

static char directory[PATH_BYTES - 32];
static char path[PATH_BYTES];

/* ---- tools --------------------------------------------------------------------------------- */

static inline int make_path(void **state)
{
    static int files;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/%d.sqlite", directory, files++);
    return 0;
}

static inline int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s/livectr-unit-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static inline int remove_directory(void **state)
{
    char command[PATH_BYTES];
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        (void)snprintf(command, sizeof command, "%s", directory);
        (void)execl("/bin/rm", "rm", "-rf", command, (char *)NULL);
        _exit(1);
    }
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static inline size_t read_file(const char *from, unsigned char *ret_bytes)
{
    FILE *file = fopen(from, "rb");
    size_t length = 0;

    assert_non_null(file);
    length = fread(ret_bytes, 1, FILE_BYTES_MAX, file);
    assert_true(length < FILE_BYTES_MAX);
    assert_int_equal(fclose(file), 0);
    return length;
}

static inline void write_file(const char *to, const unsigned char *bytes, size_t length)
{
    FILE *file = fopen(to, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* The layer that keeps the checksums of pages right, for a file that has them. */
static inline const char *vfs_of(const char *file)
{
    unsigned char header[24] = {0};
    FILE *from = fopen(file, "rb");

    if (from != NULL) {
        (void)!fread(header, 1, sizeof header, from);
        (void)fclose(from);
    }
    return header[20] == 8 ? "livectr" : NULL;
}

/* Runs SQL on a file through a connection of its own, as a bug of ours would. */
static inline void run_sql(const char *sql)
{
    sqlite3 *handle = NULL;
    char *message = NULL;

    assert_int_equal(
        sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs_of(path)),
        SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL),
                     SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static inline struct snapshot *open_snapshot(void)
{
    struct snapshot *snapshot = NULL;
    struct ctr_error err = {0};

    if (snapshot_open(path, &snapshot, &err) != CTR_OK) {
        fail_msg("%s", err.text);
    }
    return snapshot;
}

static inline void save(struct snapshot *snapshot, struct store *store, bool whole)
{
    struct checkpoint *cut = NULL;
    struct ctr_error err = {0};

    assert_int_equal(store_cut(store, whole, &cut), CTR_OK);
    if (snapshot_save(snapshot, cut, BEGIN_MS, &err) != CTR_OK) {
        fail_msg("%s", err.text);
    }
    checkpoint_free(cut);
}

/* Everything in a checkpoint as bytes, so that two can be compared. */
static inline int compare_hashes(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(uint64_t));
}

/* Journals in any division into parts and open minutes in any order of rows say the same. */
static inline void pack_minutes(const struct checkpoint *from, struct packer *packer)
{
    for (size_t i = 0; i < from->minutes_count; i++) {
        struct minute_block *block = NULL;
        static uint64_t sums[4096];

        assert_int_equal(checkpoint_minute_open(&from->minutes[i], &block), CTR_OK);
        pack_signed(packer, from->minutes[i].minute_ms);
        assert_true(block->rows_count <= sizeof sums / sizeof sums[0]);
        for (size_t r = 0; r < block->rows_count; r++) {
            struct minute_key key = minute_block_key(block, block->rows[r].key);

            sums[r] = hash_mix(key.hash,
                               hash_checksum(block->rows[r].numbers, sizeof block->rows[r].numbers),
                               key.level);
        }
        qsort(sums, block->rows_count, sizeof sums[0], compare_hashes);
        pack_bytes(packer, sums, block->rows_count * sizeof sums[0]);
        minute_block_give(block);
    }
}

static inline void pack_checkpoint(const struct checkpoint *from, struct packer *packer)
{
    pack_signed(packer, from->as_of_ms);
    pack_signed(packer, from->to_ms);
    pack_signed(packer, from->covered_from_ms);
    pack_unsigned(packer, from->keys_folded);
    pack_unsigned(packer, from->clock);
    pack_unsigned(packer, from->page_impressions);
    for (size_t w = 0; w < from->windows.count; w++) {
        pack_bytes(packer, from->windows.items[w].name, strlen(from->windows.items[w].name));
    }
    for (size_t i = 0; i < from->partitions_count; i++) {
        const struct partition *partition = &from->partitions[i];

        pack_bytes(packer, partition->topic, strlen(partition->topic));
        pack_signed(packer, partition->number);
        pack_signed(packer, partition->arrival_ms);
        pack_unsigned(packer, partition->lost);
        pack_unsigned(packer, partition->redelivered);
        pack_unsigned(packer, partition->unverified);
        pack_unsigned(packer, partition->log_changes);
        pack_signed(packer, partition->print.offset);
        pack_signed(packer, partition->print.time_ms);
        pack_hash(packer, partition->print.hash);
        pack_bytes(packer, partition->intervals,
                   partition->intervals_count * sizeof partition->intervals[0]);
        pack_bytes(packer, &partition->counts, sizeof partition->counts);
    }
    for (size_t i = 0; i < from->keys_count; i++) {
        pack_unsigned(packer, from->keys[i].kid);
        pack_unsigned(packer, from->keys[i].level);
        pack_bytes(packer, from->keys[i].page.bytes, from->keys[i].page.length);
        pack_bytes(packer, from->keys[i].box.bytes, from->keys[i].box.length);
    }
    for (size_t i = 0; i < from->slices_count; i++) {
        pack_signed(packer, from->slices[i].grain_ms);
        pack_signed(packer, from->slices[i].start_ms);
        pack_bytes(packer, from->slices[i].cells,
                   from->slices[i].count * sizeof from->slices[i].cells[0]);
    }
    for (size_t i = 0; i < from->buckets_count; i++) {
        pack_signed(packer, from->buckets[i].apply_ms);
        pack_unsigned(packer, from->buckets[i].count);
        pack_bytes(packer, from->buckets[i].bytes, from->buckets[i].length);
    }
    pack_minutes(from, packer);
    assert_false(packer->failed);
}

static inline void assert_same_checkpoint(const struct checkpoint *left,
                                          const struct checkpoint *right)
{
    struct packer a = {0};
    struct packer b = {0};

    pack_checkpoint(left, &a);
    pack_checkpoint(right, &b);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.bytes, b.bytes, a.length);
    packer_done(&a);
    packer_done(&b);
}

/* What the file says is what a whole cut of the store says. The store's next cut may be partial. */
static inline void assert_saved(struct snapshot *snapshot, struct store *store)
{
    struct checkpoint *cut = NULL;
    struct checkpoint *loaded = NULL;
    struct ctr_error err = {0};

    assert_int_equal(store_cut(store, true, &cut), CTR_OK);
    if (snapshot_load(snapshot, &loaded, &err) != CTR_OK) {
        fail_msg("%s", err.text);
    }
    assert_same_checkpoint(loaded, cut);
    checkpoint_free(cut);
    checkpoint_free(loaded);
}

static inline void give_named(struct store *store, int i, const char *page)
{
    static const char *const visitors[] = {"v1", "v2", NULL};
    char id[16];

    (void)snprintf(id, sizeof id, "id %d", i);
    give(store, (uint32_t)i % 2, BEGIN_MS + i * 7000,
         (struct given){.type = i % 5 == 0 ? EVENT_CLICK : EVENT_VIEW,
                        .ts_ms = BEGIN_MS + i * 7000,
                        .page = page,
                        .box = "box",
                        .visitor = visitors[i % 3],
                        .id = id});
}

/* Keys, slices of two tiers, held records, two partitions, a gap, malformed records, people, ids,
 * clicks with a gap, minutes that are open and one that is final. */
static inline struct store *full_store(void)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = NULL;

    options.click_gap_ms = 10000;
    store = fixture_store(&options, 2);

    store_cover_from(store, BEGIN_MS - HOUR_MS);
    for (int i = 0; i < 30; i++) {
        view(store, (uint32_t)i % 2, BEGIN_MS + i * 7000, i % 3 == 0 ? "/a" : "/b",
             i % 4 == 0 ? NULL : "box");
        click(store, (uint32_t)i % 2, BEGIN_MS + i * 7000, "/a", "box");
        give_named(store, i, i % 2 == 0 ? "/a" : "/c");
    }
    partition_start(store_partition(store, 0), 100, true);
    store_record_malformed(store, 0, 100, BEGIN_MS, MALFORMED_KEY_TWICE, "{}");
    settle_at(store, BEGIN_MS + 150000);
    return store;
}

/* The store above, some minutes later: a step a minute, of which the first are final. */
enum { LATER_STEPS = 6 };

static inline void later_step(struct store *store, int step)
{
    view(store, 0, BEGIN_MS + 220000 + step * 60000, "/c", "box");
    settle_at(store, BEGIN_MS + 222000 + step * 60000);
}

/* Saved when it was full, and after each step. */
static inline void save_steps(struct snapshot *snapshot, struct store *store)
{
    save(snapshot, store, true);
    for (int step = 0; step < LATER_STEPS; step++) {
        later_step(store, step);
        save(snapshot, store, false);
    }
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer is a pure function of the log and `to`: one random log is read in the order of arrival,
 * record by record, and what the store then answers at each `to` is noted. Any other interleaving
 * of the partitions, any batch size, any save, restart or crash with the records since the last
 * save read again must give the same bytes at the same `to`, also with more keys than the limit.
 */
#include "storage_dice.h"

#include <string.h>
#include <unistd.h>

#include "storage/hash.h"
#include "storage/history.h"
#include "storage/image.h"
#include "storage/listing.h"
#include "storage/moment.h"
#include "storage/snapshot.h"
#include "storage/store_image.h"
#include "storage/store_internal.h"
#include "storage/store_minutes.h"
#include "storage/store_status.h"

#define HOUR_MS (60 * MINUTE_MS)

enum {
    ROUNDS = 300,
    SECONDS = 8,
    VARIANTS = 4,
    PARTITIONS = 4,
    LOG_MAX = 400,
    NOTES_MAX = PARTITIONS * LOG_MAX + 8,
    MINUTES_MAX = PARTITIONS * LOG_MAX + 8,
    IDS = 12,
    NUMBERS = 500, /* of events */
    PATH_BYTES = 128,
};

struct entry {
    int64_t offset, record_ms;
    struct event event;
    bool malformed;
};

struct log {
    size_t count;
    struct entry entries[LOG_MAX];
};

/* What was answered at one `to`. */
struct told {
    int64_t to_ms;
    uint64_t answers;
};

struct run {
    struct dice *dice;
    struct store *store;
    struct snapshot *snapshot;
    bool whole_next, saved;
    size_t read[PARTITIONS]; /* entries */
    bool ended[PARTITIONS];
};

static struct store_options options;
static size_t partitions_count;
static struct log logs[PARTITIONS];
static struct text numbers[NUMBERS];
static int64_t final_ms; /* later than every record */
static size_t notes_count;
static struct told notes[NOTES_MAX];
static char snapshot_path[PATH_BYTES];

/* ---- the log ------------------------------------------------------------------------------- */

static struct text pick_id(struct dice *dice)
{
    static const char *const ids[IDS] = {"a", "b", "c", "d", "e", "f",
                                         "g", "h", "i", "j", "k", "l"};
    const char *id = ids[dice_below(dice, IDS)];

    return (struct text){.bytes = id, .length = 1};
}

static struct entry make_entry(struct dice *dice, int64_t offset, int64_t record_ms)
{
    struct entry entry = {
        .offset = offset,
        .record_ms = record_ms,
        .event = {.type = dice_percent(dice, 60) ? EVENT_VIEW : EVENT_CLICK, .page = pick_id(dice)},
        .malformed = dice_percent(dice, 3)};
    int kind = (int)dice_between(dice, 1, 100);
    int64_t delay_ms = dice_between(dice, 0, 2500);

    if (kind <= 15) {
        delay_ms = dice_between(dice, 0, 40 * MINUTE_MS);
    } else if (kind <= 22) {
        delay_ms = dice_between(dice, 0, INT64_C(49) * HOUR_MS);
    } else if (kind <= 30) {
        delay_ms = -dice_between(dice, 0, 62000);
    }
    entry.event.ts_ms = record_ms - delay_ms < 0 ? 0 : record_ms - delay_ms;
    if (dice_percent(dice, 60)) {
        entry.event.box = pick_id(dice);
    }
    if (dice_percent(dice, 80)) {
        entry.event.visitor = pick_id(dice);
    }
    if (dice_percent(dice, 80)) {
        entry.event.id = numbers[dice_below(dice, NUMBERS)];
    }
    entry.event.filtered = dice_percent(dice, 3);
    return entry;
}

/* The same event once more, somewhere else in some log. */
static void copy_entry(struct dice *dice, size_t p, struct entry *entry)
{
    size_t from = dice_below(dice, p + 1);
    size_t count = from == p ? (size_t)(entry - logs[p].entries) : logs[from].count;
    const struct entry *other = NULL;

    if (count > 0) {
        other = &logs[from].entries[dice_below(dice, count)];
        entry->event = other->event;
        if (dice_percent(dice, 60)) {
            entry->record_ms = other->event.ts_ms + dice_between(dice, 0, 12 * MINUTE_MS);
        }
    }
}

static void make_numbers(void)
{
    static char texts[NUMBERS][8];

    for (int i = 0; i < NUMBERS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "n%d", i);
        numbers[i] = (struct text){.bytes = texts[i], .length = strlen(texts[i])};
    }
}

static void make_logs(struct dice *dice)
{
    int64_t begin_ms = dice_percent(dice, 20) ? 0 : INT64_C(1795454594000);

    final_ms = 0;
    for (size_t p = 0; p < partitions_count; p++) {
        int64_t time_ms = begin_ms + dice_between(dice, 0, 5000);
        int gaps = dice_percent(dice, 50) ? 1 : 10;

        logs[p].count = dice_below(dice, dice_percent(dice, 10) ? LOG_MAX : 80);
        for (size_t i = 0; i < logs[p].count; i++) {
            int64_t before = i == 0 ? 0 : logs[p].entries[i - 1].offset;
            int64_t record_ms =
                time_ms - (dice_percent(dice, 10) ? dice_between(dice, 0, 3000) : 0);

            logs[p].entries[i] =
                make_entry(dice, before + dice_between(dice, 1, 2), record_ms < 0 ? 0 : record_ms);
            if (dice_percent(dice, 10)) {
                copy_entry(dice, p, &logs[p].entries[i]);
            }
            time_ms += dice_between(dice, 0, 700);
            if (dice_percent(dice, gaps)) {
                time_ms += dice_between(
                    dice, 0, dice_percent(dice, 30) ? INT64_C(27) * HOUR_MS : 20 * MINUTE_MS);
            }
        }
        final_ms = time_ms > final_ms ? time_ms : final_ms;
    }
    final_ms += 5000;
}

static void pick_options(struct dice *dice)
{
    static const char *const window_sets[] = {"1m,10m,1h,24h", "24h", "1m,24h",
                                              "90s,15m,100m",  "10m", "1s"};

    options = (struct store_options){
        .clock = dice_percent(dice, 50) ? CLOCK_WALL : CLOCK_EVENT,
        .page_impressions =
            dice_percent(dice, 50) ? PAGE_IMPRESSIONS_PAGE_VIEWS : PAGE_IMPRESSIONS_BOX_VIEWS,
        .late_ms = INT64_C(48) * HOUR_MS,
        .future_ms = MINUTE_MS,
        .people_horizon_ms = 10 * MINUTE_MS,
        .dedup_horizon_ms = 10 * MINUTE_MS,
        .lateness_ms = 2 * MINUTE_MS,
        .click_gap_ms = dice_percent(dice, 50) ? 0 : dice_between(dice, 1, 30000),
        .visitors_max = dice_percent(dice, 70) ? 100000 : (uint64_t)dice_between(dice, 0, 40),
        .ids_max = dice_percent(dice, 70) ? 100000 : (uint64_t)dice_between(dice, 0, 40),
        .minutes_max = 1000000,
        .keys_max = dice_percent(dice, 30) ? 1000 : (uint32_t)dice_between(dice, 1, 40),
        .held_max = 1000000};
    assert_int_equal(window_set_parse(window_sets[dice_below(dice, 6)], &options.windows, NULL),
                     CTR_OK);
    options.settle_ms = options.clock == CLOCK_EVENT ? 0 : 500;
    for (size_t i = 0; i < sizeof options.hash_secret / sizeof options.hash_secret[0]; i++) {
        options.hash_secret[i] = dice_next(dice);
    }
}

/* ---- answers ------------------------------------------------------------------------------- */

static void digest(uint64_t *into, const void *bytes, size_t length)
{
    *into = hash_mix(*into, hash_checksum(bytes, length), length);
}

/* Member by member: between them may be anything. */
static void digest_figures(const struct figures *figures, uint64_t *into)
{
    digest(into, &figures->totals, sizeof figures->totals);
    digest(into, &figures->people, sizeof figures->people);
    digest(into, &figures->crowd, sizeof figures->crowd);
    digest(into, &figures->has_prior, sizeof figures->has_prior);
    digest(into, &figures->prior_ctr, sizeof figures->prior_ctr);
    digest(into, &figures->prior_weight, sizeof figures->prior_weight);
}

static void digest_list(const struct store *store, const struct list_query *query, uint64_t *into)
{
    struct listing *listing = NULL;

    assert_int_equal(store_list(store, query, &listing), CTR_OK);
    digest(into, &listing->total, sizeof listing->total);
    digest(into, &listing->other, sizeof listing->other);
    digest(into, &listing->reading.from_ms, sizeof listing->reading.from_ms);
    for (size_t i = 0; i < listing->count; i++) {
        digest(into, listing->rows[i].place.page.bytes, listing->rows[i].place.page.length);
        digest(into, listing->rows[i].place.box.bytes, listing->rows[i].place.box.length);
        digest_figures(&listing->rows[i].figures, into);
    }
    listing_free(listing);
}

static void add(struct totals *sum, const struct totals *totals)
{
    sum->impressions += totals->impressions;
    sum->clicks += totals->clicks;
}

static bool all_ended(const struct run *run)
{
    bool ended = true;

    for (size_t p = 0; p < partitions_count; p++) {
        ended = ended && run->ended[p];
    }
    return ended;
}

struct minute_digest {
    int64_t minute_ms;
    int64_t numbers[MINUTE_NUMBERS];
};

static struct minute_digest minutes[MINUTES_MAX];
static size_t minutes_count;

static void add_minute(int64_t minute_ms, const int64_t add_numbers[MINUTE_NUMBERS])
{
    size_t at = 0;

    while (at < minutes_count && minutes[at].minute_ms != minute_ms) {
        at++;
    }
    if (at == minutes_count) {
        assert_true(minutes_count < MINUTES_MAX);
        minutes[minutes_count++] = (struct minute_digest){.minute_ms = minute_ms};
    }
    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        minutes[at].numbers[n] += add_numbers[n];
    }
}

static bool add_point(void *owner, const struct history_point *point)
{
    (void)owner;
    add_minute(point->start_ms, point->numbers);
    return true;
}

/* The sum over minutes does not depend on their order. Records that their times refused are told of
 * when they are read, not at a step: they have no place in what depends on `to` alone. */
static uint64_t sum_minutes(void)
{
    static const int64_t nothing[MINUTE_NUMBERS];
    uint64_t sum = 0;

    for (size_t i = 0; i < minutes_count; i++) {
        minutes[i].numbers[MINUTE_LATE] = 0;
        minutes[i].numbers[MINUTE_FUTURE] = 0;
        if (memcmp(minutes[i].numbers, nothing, sizeof nothing) != 0) {
            sum += hash_checksum(&minutes[i], sizeof minutes[i]);
        }
    }
    return sum;
}

/* What history and store say together about every minute of some keys. */
static void digest_minutes(const struct run *run, uint64_t *into)
{
    const struct key_name names[] = {
        {{0}, {0}}, {{"a", 1}, {0}}, {{0}, {"b", 1}}, {{"c", 1}, {"d", 1}}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct minute_key key = store_minute_key(run->store, &names[i]);
        struct minute_sums sums;
        uint64_t saved_cut = 0;
        uint64_t sum = 0;

        minutes_count = 0;
        if (run->snapshot != NULL) {
            saved_cut = snapshot_cut(run->snapshot);
            assert_int_equal(history_read(snapshot_history(run->snapshot), &key, 0, INT64_MAX,
                                          add_point, NULL, NULL),
                             CTR_OK);
        }
        assert_int_equal(store_minutes(run->store, &names[i], 0, INT64_MAX, saved_cut, &sums),
                         CTR_OK);
        for (size_t m = 0; m < sums.count; m++) {
            add_minute(sums.items[m].minute_ms, sums.items[m].numbers);
        }
        minute_sums_done(&sums);
        sum = sum_minutes();
        digest(into, &sum, sizeof sum);
    }
}

/* All rows of a level and what was folded make up the same sum at every level that is counted by
 * the same events: box and placement; page and site. */
static struct totals sum_level(const struct store *store, enum level level, size_t window)
{
    struct totals sum = {0};

    for (int id = 0; id < IDS; id++) {
        char page = (char)('a' + id);
        struct list_query query = {.level = level,
                                   .page = {.bytes = &page, .length = 1},
                                   .window = window,
                                   .sort = LIST_BY_ID,
                                   .limit = LIST_ROWS_MAX};
        struct listing *listing = NULL;
        bool last = level != LEVEL_PLACEMENT || id == IDS - 1;

        assert_int_equal(store_list(store, &query, &listing), CTR_OK);
        for (size_t i = 0; i < listing->count; i++) {
            add(&sum, &listing->rows[i].figures.totals);
        }
        if (last) {
            add(&sum, &listing->other);
        }
        listing_free(listing);
        if (last) {
            break;
        }
    }
    return sum;
}

static void check_sums(const struct run *run, size_t window)
{
    struct key_name site = {{0}, {0}};
    struct totals pages = sum_level(run->store, LEVEL_PAGE, window);
    struct totals boxes = sum_level(run->store, LEVEL_BOX, window);
    struct totals placements = sum_level(run->store, LEVEL_PLACEMENT, window);
    struct totals total;
    struct figures figures;
    struct reading reading;

    store_read(run->store, window, &site, 1, &figures, &reading);
    total = figures.totals;
    ROUND_CHECK(run->dice, memcmp(&total, &pages, sizeof total) == 0, "pages are not the site");
    ROUND_CHECK(run->dice, memcmp(&boxes, &placements, sizeof boxes) == 0,
                "placements are not the boxes");
    ROUND_CHECK(run->dice, boxes.clicks <= total.clicks, "more clicks in boxes than at all");
}

static uint64_t digest_answers(const struct run *run)
{
    struct store_status status;
    uint64_t answers = 0;

    assert_int_equal(store_status_read(run->store, &status), CTR_OK);
    digest(&answers, status.keys, sizeof status.keys);
    digest(&answers, &status.keys_folded, sizeof status.keys_folded);
    digest(&answers, &status.repeated, sizeof status.repeated);
    digest(&answers, &status.people, sizeof status.people);
    digest(&answers, &status.ids, sizeof status.ids);
    digest_minutes(run, &answers);
    store_status_done(&status);
    for (size_t w = 0; w < options.windows.count; w++) {
        for (enum list_sort sort = LIST_BY_IMPRESSIONS; sort <= LIST_BY_ID; sort++) {
            struct list_query query = {.level = LEVEL_PAGE, .window = w, .sort = sort, .limit = 7};

            digest_list(run->store, &query, &answers);
        }
        for (int id = 0; id < IDS; id++) {
            char page = (char)('a' + id);
            struct list_query query = {.level = LEVEL_PLACEMENT,
                                       .page = {.bytes = &page, .length = 1},
                                       .window = w,
                                       .sort = LIST_BY_ID,
                                       .limit = LIST_ROWS_MAX};

            digest_list(run->store, &query, &answers);
        }
        digest_list(run->store,
                    &(struct list_query){
                        .level = LEVEL_BOX, .window = w, .sort = LIST_BY_CTR, .limit = IDS},
                    &answers);
    }
    return answers;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void open_partitions(struct run *run)
{
    static const char *const topics[PARTITIONS] = {"views", "clicks", "views", "a"};

    if (dice_percent(run->dice, 50)) { /* several parts of the journal in a cut */
        run->store->journal_part_events = (size_t)dice_between(run->dice, 1, 9);
    }
    for (uint32_t p = 0; p < partitions_count; p++) {
        uint32_t index = 0;
        int64_t next = 0;

        assert_int_equal(store_partition_open(run->store, topics[p], 7 - (int32_t)p, &index),
                         CTR_OK);
        assert_int_equal(index, p);
        next = partition_next(store_partition(run->store, p));
        partition_start(store_partition(run->store, p), next < 0 ? 0 : next, false);
        run->ended[p] = false;
        run->read[p] = 0;
        while (run->read[p] < logs[p].count && logs[p].entries[run->read[p]].offset < next) {
            run->read[p]++;
        }
    }
}

static void read_entry(struct run *run, uint32_t p)
{
    const struct entry *entry = &logs[p].entries[run->read[p]++];
    int64_t now_ms = options.clock == CLOCK_WALL ? final_ms : MOMENT_NONE;

    if (entry->malformed) {
        store_record_malformed(run->store, p, entry->offset, now_ms, MALFORMED_MISSING, "");
    } else {
        assert_int_equal(store_record_event(run->store, p, entry->offset, entry->record_ms, now_ms,
                                            &entry->event),
                         CTR_OK);
    }
}

static void end_partition(struct run *run, uint32_t p)
{
    struct partition *partition = store_partition(run->store, p);

    partition_confirm(partition, partition_next(partition), final_ms);
    run->ended[p] = true;
}

static const struct told *find_note(int64_t to_ms)
{
    for (size_t i = 0; i < notes_count; i++) {
        if (notes[i].to_ms == to_ms) {
            return &notes[i];
        }
    }
    return NULL;
}

static void advance(struct run *run, bool noting)
{
    int64_t now_ms = options.clock == CLOCK_WALL ? final_ms : MOMENT_NONE;
    int64_t before_ms = store_progress(run->store).to_ms;
    const struct told *note = NULL;
    int64_t to_ms = 0;

    assert_int_equal(store_advance(run->store, now_ms, false), CTR_OK);
    to_ms = store_progress(run->store).to_ms;
    if (to_ms == MOMENT_NONE || to_ms == before_ms) {
        return;
    }
    note = find_note(to_ms);
    if (noting && note == NULL) {
        assert_true(notes_count < NOTES_MAX);
        notes[notes_count++] = (struct told){.to_ms = to_ms, .answers = digest_answers(run)};
        for (size_t w = 0; w < options.windows.count; w++) {
            check_sums(run, w);
        }
        return;
    }
    ROUND_CHECK(run->dice, note != NULL && note->answers == digest_answers(run), "%s at to %lld",
                note == NULL ? "no note from the order of arrival" : "other answers",
                (long long)to_ms);
}

/* The partition whose clock holds the others back. */
static uint32_t least(const struct run *run)
{
    uint32_t least = UINT32_MAX;

    for (uint32_t p = 0; p < partitions_count; p++) {
        if (!run->ended[p] &&
            (least == UINT32_MAX || store_partition(run->store, p)->arrival_ms <
                                        store_partition(run->store, least)->arrival_ms)) {
            least = p;
        }
    }
    return least;
}

static void read_in_order_of_arrival(struct dice *dice)
{
    struct run run = {.dice = dice};

    notes_count = 0;
    assert_int_equal(store_new(&options, &run.store, NULL), CTR_OK);
    open_partitions(&run);
    while (!all_ended(&run)) {
        uint32_t p = least(&run);

        if (run.read[p] == logs[p].count) {
            end_partition(&run, p);
        } else {
            read_entry(&run, p);
        }
        advance(&run, true);
    }
    store_free(run.store);
}

static void save(struct run *run)
{
    struct checkpoint *cut = NULL;

    assert_int_equal(store_cut(run->store, run->whole_next || dice_percent(run->dice, 10), &cut),
                     CTR_OK);
    assert_int_equal(snapshot_save(run->snapshot, cut, 0, NULL), CTR_OK);
    checkpoint_free(cut);
    run->whole_next = false;
    run->saved = true;
}

/* ---- images -------------------------------------------------------------------------------- */

static uint64_t images_used, images_refused;

/* A part of an image, however small; one is begun after a save, and now and then instead of another
 * that is under way. */
static void go_on_with_image(struct run *run, bool saved)
{
    struct image_batch *batch = NULL;

    if (saved && dice_percent(run->dice, store_image_active(run->store) ? 20 : 80)) {
        store_image_begin(run->store);
    }
    if (!store_image_active(run->store)) {
        return;
    }
    assert_int_equal(store_image_next(run->store,
                                      dice_percent(run->dice, 40)
                                          ? 1000000000
                                          : (size_t)dice_between(run->dice, 1, 200000),
                                      &batch),
                     CTR_OK);
    assert_int_equal(snapshot_put_image(run->snapshot, batch, NULL), CTR_OK);
    image_batch_free(batch);
}

/* A byte that is another, an end that is missing, a file that is gone or one of another time. */
static void damage_image(struct dice *dice, char slot)
{
    static unsigned char bytes[1 << 21];
    char image_path[PATH_BYTES + 16];
    char other_path[PATH_BYTES + 16];
    FILE *file = NULL;
    size_t length = 0;
    int kind = (int)dice_between(dice, 1, 4);

    (void)snprintf(image_path, sizeof image_path, "%s.image-%c", snapshot_path, slot);
    (void)snprintf(other_path, sizeof other_path, "%s.image-%c", snapshot_path,
                   slot == 'a' ? 'b' : 'a');
    file = fopen(kind == 4 ? other_path : image_path, "rb");
    if (file != NULL) {
        length = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
    }
    (void)unlink(image_path);
    if (length == 0 || length == sizeof bytes || kind == 1) {
        return;
    }
    if (kind == 2) {
        bytes[dice_below(dice, length)] ^= (unsigned char)(1 << dice_below(dice, 8));
    } else if (kind == 3) {
        length = dice_below(dice, length);
    }
    file = fopen(image_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void start_again(struct run *run)
{
    if (dice_percent(run->dice, 25)) {
        damage_image(run->dice, dice_percent(run->dice, 50) ? 'a' : 'b');
    }
    if (dice_percent(run->dice, 50)) {
        snapshot_close(run->snapshot);
        assert_int_equal(snapshot_open(snapshot_path, &run->snapshot, NULL), CTR_OK);
        snapshot_keep(run->snapshot, INT64_MAX, INT64_MAX);
    }
}

/* What is restored answers at once as it did at that moment. */
static void check_restored(const struct run *run)
{
    int64_t to_ms = store_progress(run->store).to_ms;
    const struct told *note = find_note(to_ms);

    ROUND_CHECK(run->dice,
                to_ms == MOMENT_NONE || (note != NULL && note->answers == digest_answers(run)),
                "other answers after a start at to %lld", (long long)to_ms);
}

/* A kill: what was read since the last save is gone and has to be read again. */
static void crash(struct run *run)
{
    struct checkpoint *loaded = NULL;
    struct ctr_error err = {0};

    store_free(run->store);
    run->store = NULL;
    start_again(run);
    if (!run->saved) {
        assert_int_equal(store_new(&options, &run->store, NULL), CTR_OK);
    } else {
        ROUND_CHECK(run->dice, snapshot_load(run->snapshot, &loaded, &err) == CTR_OK, "%s",
                    err.text);
        if (store_restore(&options, loaded, &run->store, &err) == CTR_CORRUPT &&
            loaded->image != NULL) {
            checkpoint_free(loaded);
            snapshot_ignore_image(run->snapshot);
            assert_int_equal(snapshot_load(run->snapshot, &loaded, NULL), CTR_OK);
            assert_int_equal(store_restore(&options, loaded, &run->store, &err), CTR_OK);
        }
        *(loaded->image != NULL ? &images_used : &images_refused) += 1;
        ROUND_CHECK(run->dice, run->store != NULL, "%s", err.text);
        checkpoint_free(loaded);
        check_restored(run);
    }
    open_partitions(run);
}

static void check_accounts(const struct run *run)
{
    struct store_status status;

    assert_int_equal(store_status_read(run->store, &status), CTR_OK);
    for (size_t i = 0; i < status.partitions_count; i++) {
        const struct partition *partition = &status.partitions[i];
        const struct partition_counts *counts = &partition->counts;
        size_t p = 7 - (size_t)partition->number;

        ROUND_CHECK(run->dice, counts->read == logs[p].count, "read");
        ROUND_CHECK(run->dice,
                    counts->read == counts->counted + counts->held + counts->duplicate +
                                        counts->late + counts->future + partition_malformed(counts),
                    "conservation");
        ROUND_CHECK(run->dice, counts->stragglers == 0, "stragglers");
        ROUND_CHECK(run->dice, options.clock == CLOCK_WALL || counts->held == 0,
                    "held at the end of a replay");
    }
    store_status_done(&status);
}

static void read_in_any_order(struct dice *dice)
{
    struct run run = {.dice = dice, .whole_next = true};
    int batch = dice_percent(dice, 50) ? 3 : 100;
    int crashes = (int)dice_between(dice, 0, 5);
    bool saves = dice_percent(dice, 50);

    (void)unlink(snapshot_path);
    assert_int_equal(snapshot_open(snapshot_path, &run.snapshot, NULL), CTR_OK);
    snapshot_keep(run.snapshot, INT64_MAX, INT64_MAX);
    assert_int_equal(store_new(&options, &run.store, NULL), CTR_OK);
    open_partitions(&run);
    while (!all_ended(&run)) {
        uint32_t p = (uint32_t)dice_below(dice, partitions_count);
        int kind = (int)dice_between(dice, 1, 100);

        for (int64_t i = dice_between(dice, 0, batch); i > 0 && run.read[p] < logs[p].count; i--) {
            read_entry(&run, p);
        }
        if (run.read[p] == logs[p].count && dice_percent(dice, 70)) {
            end_partition(&run, p);
        }
        if (kind <= 50) {
            advance(&run, false);
            if (saves) {
                go_on_with_image(&run, false);
            }
        } else if (saves && kind <= 60) {
            save(&run);
            go_on_with_image(&run, true);
        } else if (saves && kind <= 63 && crashes > 0) {
            crash(&run);
            crashes--;
        }
    }
    advance(&run, false);
    check_accounts(&run);
    store_free(run.store);
    snapshot_close(run.snapshot);
}

static void play(struct dice *dice)
{
    partitions_count = (size_t)dice_between(dice, 1, PARTITIONS);
    make_numbers();
    pick_options(dice);
    make_logs(dice);
    read_in_order_of_arrival(dice);
    for (int variant = 0; variant < VARIANTS; variant++) {
        read_in_any_order(dice);
    }
}

static void answers_depend_on_the_log_and_to_alone(void **state)
{
    (void)state;
    (void)snprintf(snapshot_path, sizeof snapshot_path, "%s/livectr-replay-%ld.sqlite",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
    dice_play(play, ROUNDS, SECONDS);
    print_message("%llu starts with an image, %llu without\n", (unsigned long long)images_used,
                  (unsigned long long)images_refused);
    assert_true(images_used > 0);
    for (const char *end = "ab"; *end != '\0'; end++) {
        char image_path[PATH_BYTES + 16];

        (void)snprintf(image_path, sizeof image_path, "%s.image-%c", snapshot_path, *end);
        (void)unlink(image_path);
    }
    (void)unlink(snapshot_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_depend_on_the_log_and_to_alone),
    };

    return cmocka_run_group_tests_name("storage: the replay law", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The replay law on a real log: the same records, read in many ways, give the same answers at the
 * same `to`, byte for byte.
 *
 *   proof_orders DUMP FILE.sqlite [SETTING=VALUE ...]
 *
 * DUMP is what `ktool dump` prints. Each way of reading says how many partitions are read at a
 * time, in which order they are begun, how many records come at once, and how often the process is
 * killed and starts again from its snapshot. At every full minute all figures of all keys in all
 * windows are hashed; a way's line holds the hash over all minutes. Exit 1 where two ways differ.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/config.h"
#include "service/decode.h"
#include "service/dump.h"
#include "service/settings.h"
#include "storage/checkpoint.h"
#include "storage/hash.h"
#include "storage/history.h"
#include "storage/moment.h"
#include "storage/snapshot.h"
#include "storage/store.h"

enum {
    PARTS_MAX = 64,
    NOTES_MAX = 100000,
    LINE_BYTES_MAX = 65536,
    READ_MAX = 1024,
    CUTS = 20 /* in a way with kills */
};

struct entry {
    int64_t offset, record_ms;
    struct event event;
    bool malformed;
};

struct part {
    char topic[PARTITION_TOPIC_BYTES];
    int32_t number;
    size_t count;
    struct entry *entries;
};

struct way {
    const char *name;
    size_t at_a_time, batch;
    bool reversed;
    int kills;
};

static const struct way ways[] = {
    {"7 at a time, by 1", 7, 1, false, 0},
    {"7 at a time, by 1000", 7, 1000, false, 0},
    {"7 at a time, by 10000, three kills", 7, 10000, false, 3},
    {"2 at a time, by 100", 2, 100, false, 0},
    {"2 at a time, reversed, by 7, three kills", 2, 7, true, 3},
    {"1 at a time, by 10000", 1, 10000, false, 0},
    {"1 at a time, reversed, by 1000", 1, 1000, true, 0},
};

/* What was answered at one minute. */
struct note {
    int64_t to_ms;
    uint64_t answers;
};

struct run {
    const struct way *way;
    struct store *store;
    struct snapshot *snapshot;
    bool whole_next, saved;
    size_t read[PARTS_MAX];
    bool ended[PARTS_MAX];
    int64_t grid_ms; /* the next minute that is noted */
    uint64_t since_cut, read_all;
    size_t notes_count;
    struct note *notes;
};

static struct config config;
static struct store_options options;
static struct part parts[PARTS_MAX];
static size_t parts_count;
static uint64_t records;
static int64_t first_ms = INT64_MAX, last_ms;
static struct key_name *names; /* every key there is */
static size_t names_count, names_capacity;

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "proof_orders: %s\n", what);
    exit(2);
}

static void *grown(void *list, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity) {
        return list;
    }
    *capacity = *capacity == 0 ? 1024 : *capacity * 2;
    list = realloc(list, *capacity * item_bytes);
    if (list == NULL) {
        die("no memory");
    }
    return list;
}

/* ---- loading ------------------------------------------------------------------------------- */

static struct text keep(struct text text)
{
    static char *arena;
    static size_t left;
    struct text kept = {.length = text.length};

    if (text.length > left) {
        left = 1 << 24;
        arena = malloc(left);
        if (arena == NULL) {
            die("no memory");
        }
    }
    if (text.length > 0) {
        memcpy(arena, text.bytes, text.length);
    }
    kept.bytes = arena;
    arena += text.length;
    left -= text.length;
    return kept;
}

static enum topic_type type_of(const char *topic)
{
    for (size_t i = 0; i < config.topics_count; i++) {
        if (strcmp(config.topics[i].name, topic) == 0) {
            return config.topics[i].type;
        }
    }
    return TOPIC_TYPE_FROM_EVENT;
}

static void load_record(struct decoder *decoder, const struct dump_record *record,
                        enum topic_type type, struct entry *ret_entry)
{
    static char bytes[LINE_BYTES_MAX];
    struct decoded decoded;
    int64_t length = 0;

    if (dump_value_room(record) > sizeof bytes) {
        die("a value of the dump is too long");
    }
    length = record->value == NULL ? 0 : dump_value(record, bytes);
    if (length < 0) {
        die("a value of the dump is not base64");
    }
    decode_record(decoder, record->value == NULL ? NULL : bytes, (size_t)length, type, &decoded);
    *ret_entry = (struct entry){
        .offset = record->offset, .record_ms = record->time_ms, .malformed = !decoded.is_event};
    if (decoded.is_event) {
        ret_entry->event = decoded.event;
        ret_entry->event.page = keep(decoded.event.page);
        ret_entry->event.box = keep(decoded.event.box);
        ret_entry->event.visitor = keep(decoded.event.visitor);
        ret_entry->event.id = keep(decoded.event.id);
    }
    first_ms = record->time_ms < first_ms ? record->time_ms : first_ms;
    last_ms = record->time_ms > last_ms ? record->time_ms : last_ms;
    records++;
}

static void load(const char *path)
{
    struct decoder *decoder = NULL;
    struct dump *dump = NULL;
    struct ctr_error error = {.text = ""};

    if (dump_open(path, &dump, &error) != CTR_OK) {
        die(error.text);
    }
    if (dump->parts_count > PARTS_MAX || decoder_new(&config, &decoder, NULL) != CTR_OK) {
        die("too many partitions, or no memory");
    }
    for (parts_count = 0; parts_count < dump->parts_count; parts_count++) {
        const struct dump_part *from = &dump->parts[parts_count];
        struct part *part = &parts[parts_count];

        part->number = from->number;
        (void)snprintf(part->topic, sizeof part->topic, "%s", from->topic);
        part->count = from->count;
        part->entries = calloc(from->count, sizeof *part->entries);
        if (part->entries == NULL) {
            die("no memory");
        }
        for (size_t i = 0; i < from->count; i++) {
            load_record(decoder, &from->records[i], type_of(from->topic), &part->entries[i]);
        }
    }
    decoder_free(decoder);
    dump_close(dump);
}

static int compare_names(const void *left, const void *right)
{
    const struct key_name *a = left;
    const struct key_name *b = right;
    int order = text_compare(a->page, b->page);

    return order != 0 ? order : text_compare(a->box, b->box);
}

static void add_name(struct text page, struct text box)
{
    names = grown(names, names_count, &names_capacity, sizeof *names);
    names[names_count++] = (struct key_name){.page = page, .box = box};
}

/* Keeps one of each; sorting in between keeps the list short. */
static void unique_names(void)
{
    size_t kept = 0;

    qsort(names, names_count, sizeof *names, compare_names);
    for (size_t i = 0; i < names_count; i++) {
        if (kept == 0 || compare_names(&names[kept - 1], &names[i]) != 0) {
            names[kept++] = names[i];
        }
    }
    names_count = kept;
}

static void collect_names(void)
{
    add_name((struct text){0}, (struct text){0});
    for (size_t p = 0; p < parts_count; p++) {
        for (size_t i = 0; i < parts[p].count; i++) {
            const struct event *event = &parts[p].entries[i].event;

            if (!parts[p].entries[i].malformed) {
                add_name(event->page, (struct text){0});
                add_name(event->page, event->box);
                add_name((struct text){0}, event->box);
            }
            if (names_count > 4000000) {
                unique_names();
            }
        }
    }
    unique_names();
}

/* ---- answers ------------------------------------------------------------------------------- */

static void digest(uint64_t *into, const void *bytes, size_t length)
{
    *into = hash_mix(*into, hash_checksum(bytes, length), length);
}

/* Member by member: between them may be anything. */
static void digest_figures(const struct figures *figures, uint64_t *into)
{
    uint64_t numbers[8] = {figures->totals.impressions, figures->totals.clicks,
                           figures->crowd.viewers,      figures->crowd.clickers,
                           figures->crowd.clicking,     (uint64_t)figures->people,
                           figures->has_prior};

    memcpy(&numbers[7], &figures->prior_weight, sizeof numbers[7]);
    digest(into, numbers, sizeof numbers);
    digest(into, &figures->prior_ctr, sizeof figures->prior_ctr);
}

static uint64_t digest_answers(const struct store *store)
{
    static struct figures figures[READ_MAX];
    uint64_t answers = 0;

    for (size_t w = 0; w < options.windows.count; w++) {
        for (size_t first = 0; first < names_count; first += READ_MAX) {
            size_t count = names_count - first < READ_MAX ? names_count - first : READ_MAX;
            struct reading reading;

            store_read(store, w, &names[first], count, figures, &reading);
            digest(&answers, &reading.from_ms, sizeof reading.from_ms);
            for (size_t i = 0; i < count; i++) {
                digest_figures(&figures[i], &answers);
            }
        }
    }
    return answers;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void open_parts(struct run *run)
{
    for (uint32_t p = 0; p < parts_count; p++) {
        uint32_t index = 0;
        int64_t next = 0;

        if (store_partition_open(run->store, parts[p].topic, parts[p].number, &index) != CTR_OK ||
            index != p) {
            die("partitions");
        }
        next = partition_next(store_partition(run->store, p));
        partition_start(store_partition(run->store, p), next < 0 ? 0 : next, false);
        run->read[p] = 0;
        run->ended[p] = false;
        while (run->read[p] < parts[p].count && parts[p].entries[run->read[p]].offset < next) {
            run->read[p]++;
        }
    }
}

static void note(struct run *run)
{
    if (run->notes_count > 0 && run->notes[run->notes_count - 1].to_ms >= run->grid_ms) {
        return; /* known since before a kill */
    }
    if (run->notes_count == NOTES_MAX) {
        die("too many minutes");
    }
    run->notes[run->notes_count++] =
        (struct note){.to_ms = run->grid_ms, .answers = digest_answers(run->store)};
}

/* As far as the partitions allow, with a stop at each full minute: no clock runs ahead of it. */
static void advance(struct run *run)
{
    for (;;) {
        int64_t to_ms = 0;

        for (uint32_t p = 0; p < parts_count; p++) {
            if (run->ended[p]) {
                partition_confirm(store_partition(run->store, p),
                                  partition_next(store_partition(run->store, p)),
                                  run->grid_ms + options.settle_ms);
            }
        }
        if (store_advance(run->store, run->grid_ms + options.settle_ms, false) != CTR_OK) {
            die("no memory");
        }
        to_ms = store_progress(run->store).to_ms;
        if (to_ms < run->grid_ms || run->grid_ms > last_ms + 2 * MINUTE_MS) {
            return;
        }
        note(run);
        run->grid_ms += MINUTE_MS;
    }
}

static void read_batch(struct run *run, uint32_t p)
{
    for (size_t i = 0; i < run->way->batch && run->read[p] < parts[p].count; i++) {
        const struct entry *entry = &parts[p].entries[run->read[p]++];

        if (entry->malformed) {
            store_record_malformed(run->store, p, entry->offset, last_ms, MALFORMED_MISSING, "");
        } else if (store_record_event(run->store, p, entry->offset, entry->record_ms, last_ms,
                                      &entry->event) != CTR_OK) {
            die("no memory");
        }
        run->since_cut++;
        run->read_all++;
    }
    run->ended[p] = run->read[p] == parts[p].count;
}

/* The next partition of those that are open now; parts_count: all are read. Among them the one
 * whose records are the oldest, so that together they move on as a live reader would. */
static uint32_t next_part(const struct run *run)
{
    uint32_t chosen = (uint32_t)parts_count;
    size_t open = 0;

    for (size_t i = 0; i < parts_count && open < run->way->at_a_time; i++) {
        uint32_t p = (uint32_t)(run->way->reversed ? parts_count - 1 - i : i);

        if (run->ended[p]) {
            continue;
        }
        open++;
        if (chosen == parts_count || parts[p].entries[run->read[p]].record_ms <
                                         parts[chosen].entries[run->read[chosen]].record_ms) {
            chosen = p;
        }
    }
    return chosen;
}

static void save(struct run *run)
{
    struct checkpoint *cut = NULL;

    if (store_cut(run->store, run->whole_next, &cut) != CTR_OK ||
        snapshot_save(run->snapshot, cut, 0, NULL) != CTR_OK) {
        die("saving failed");
    }
    checkpoint_free(cut);
    run->whole_next = false;
    run->saved = true;
    run->since_cut = 0;
}

/* What was read since the last save is gone and is read again. */
static void kill_and_restart(struct run *run)
{
    struct checkpoint *loaded = NULL;

    store_free(run->store);
    run->store = NULL;
    if (snapshot_load(run->snapshot, &loaded, NULL) != CTR_OK ||
        store_restore(&options, loaded, &run->store, NULL) != CTR_OK) {
        die("the restart failed");
    }
    run->whole_next = true;
    run->grid_ms = loaded->to_ms == MOMENT_NONE
                       ? moment_floor(first_ms, MINUTE_MS)
                       : moment_floor(loaded->to_ms, MINUTE_MS) + MINUTE_MS;
    checkpoint_free(loaded);
    open_parts(run);
}

static void read_all(struct run *run)
{
    int kills = 0;
    uint64_t until_kill = records / 4;

    for (uint32_t p = next_part(run); p < parts_count; p = next_part(run)) {
        read_batch(run, p);
        advance(run);
        if (run->way->kills > 0 && run->since_cut >= records / CUTS) {
            save(run);
        }
        if (kills < run->way->kills && run->saved && run->read_all >= until_kill) {
            kill_and_restart(run);
            kills++;
            until_kill = run->read_all + records / 5;
        }
    }
    advance(run);
    if (kills < run->way->kills) {
        die("too few records for the kills");
    }
}

static void play(const struct way *way, const char *path, struct run *run)
{
    *run = (struct run){.way = way, .whole_next = true};
    run->grid_ms = moment_floor(first_ms, MINUTE_MS);
    run->notes = calloc(NOTES_MAX, sizeof *run->notes);
    (void)unlink(path);
    if (run->notes == NULL || store_new(&options, &run->store, NULL) != CTR_OK ||
        snapshot_open(path, &run->snapshot, NULL) != CTR_OK) {
        die("no store");
    }
    open_parts(run);
    read_all(run);
    store_free(run->store);
    snapshot_close(run->snapshot);
    (void)unlink(path);
}

/* Minutes that one way passed over before every partition had begun are not compared. */
static bool same(const struct run *first, const struct run *other, size_t *ret_compared)
{
    size_t a = 0;

    *ret_compared = 0;
    for (size_t b = 0; b < other->notes_count; b++) {
        while (a < first->notes_count && first->notes[a].to_ms < other->notes[b].to_ms) {
            a++;
        }
        if (a < first->notes_count && first->notes[a].to_ms == other->notes[b].to_ms) {
            if (first->notes[a].answers != other->notes[b].answers) {
                (void)fprintf(stderr, "%s: other answers at to %" PRId64 "\n", other->way->name,
                              other->notes[b].to_ms);
                return false;
            }
            ++*ret_compared;
        }
    }
    return *ret_compared > 0;
}

static void configure(int argc, char **argv)
{
    config_defaults(&config);
    for (int i = 3; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        struct ctr_error error;

        if (equals == NULL) {
            die("settings are NAME=VALUE");
        }
        *equals = '\0';
        if (config_set(&config, argv[i], equals + 1, argv[i], &error) != CTR_OK) {
            die(error.text);
        }
    }
}

int main(int argc, char **argv)
{
    static struct run runs[sizeof ways / sizeof ways[0]];
    bool equal = true;

    if (argc < 3) {
        die("usage: proof_orders DUMP FILE.sqlite [SETTING=VALUE ...]");
    }
    configure(argc, argv);
    if (settings_store_options(&config, &options, NULL) != CTR_OK) {
        die("settings: name a data_dir that is there, or a hash_key");
    }
    load(argv[1]);
    collect_names();
    (void)printf("%" PRIu64 " records, %zu partitions, %zu keys\n", records, parts_count,
                 names_count);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        int64_t begun_ms = clock_mono_ms();
        uint64_t all = 0;
        size_t compared = 0;

        play(&ways[i], argv[2], &runs[i]);
        for (size_t n = 0; n < runs[i].notes_count; n++) {
            digest(&all, &runs[i].notes[n], sizeof runs[i].notes[n]);
        }
        equal = same(&runs[0], &runs[i], &compared) && equal;
        (void)printf("%016" PRIx64 "  %zu minutes, %zu compared, %.1f s: %s\n", all,
                     runs[i].notes_count, compared, (double)(clock_mono_ms() - begun_ms) / 1000,
                     ways[i].name);
        (void)fflush(stdout);
    }
    (void)puts(equal ? "all equal" : "NOT EQUAL");
    return equal ? 0 : 1;
}

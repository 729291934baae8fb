/* SPDX-License-Identifier: Apache-2.0
 *
 * What the history on disk costs with made-up traffic: 45,000 keys whose rates follow Zipf's law,
 * 40 impressions a key and minute on average, every key in every minute.
 *
 *   minute by minute   as the service saves it: what the last hour adds to the file (the first also
 *                      adds the keys), time for each row, expiry
 *   rare keys          225,000 keys of one view an hour each, which leaves a row for each of the
 * ten minutes that count its viewer: what the second hour adds a whole day        given an hour at
 * a time (else it takes six minutes): bytes with all keys, reads of one key, with SQLite's page
 * cache as it is and just opened
 *
 * One JSON line a part. Figures only: nothing here fails for being slow. Arguments: keys (45000),
 * hours minute by minute (2).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/history.h"

enum { KEYS = 45000, READS = 200, RING = 10, PATH_BYTES = 64, DAY_HOURS = 24, HOUR_MINUTES = 60 };
#define BEGIN_MS   INT64_C(1795392000000) /* midnight */
#define MEAN       40.0
#define CLICK_RATE 0.03

/* One key's last ten minutes. */
struct maker {
    char page[32], box[32];
    size_t page_length, box_length;
    double rate;
    int32_t viewers[RING], clickers[RING], unseen[RING];
    int32_t people[3]; /* sums of these */
};

static struct maker makers[KEYS];
static size_t makers_count = KEYS;
static uint64_t dice_state = 20261123;

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- traffic ------------------------------------------------------------------------------- */

/* SplitMix64: seeded, so that runs compare. */
static uint64_t dice(void)
{
    uint64_t mixed = dice_state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static double chance(void)
{
    return ((double)(dice() >> 11) + 0.5) / 9007199254740992.0;
}

/* Poisson: by counting for small means, else a rounded normal. */
static int32_t poisson(double mean)
{
    double product = 1;
    double limit = 0;
    int32_t count = -1;

    if (mean > 12) {
        double normal = sqrt(-2 * log(chance())) * cos(6.283185307179586 * chance());
        double value = floor(mean + sqrt(mean) * normal + 0.5);

        return value < 0 ? 0 : (int32_t)value;
    }
    limit = exp(-mean);
    do {
        product *= chance();
        count++;
    } while (product > limit);
    return count;
}

static void make_makers(void)
{
    double sum = 0;

    for (size_t k = 0; k < makers_count; k++) {
        sum += 1 / (double)(k + 1);
    }
    for (size_t k = 0; k < makers_count; k++) {
        struct maker *maker = &makers[k];

        memset(maker, 0, sizeof *maker);
        maker->page_length = (size_t)snprintf(maker->page, sizeof maker->page, "/offer/%u",
                                              (unsigned)(dice() % 100000));
        maker->box_length = (size_t)snprintf(maker->box, sizeof maker->box, "opbox.carousel.%u",
                                             (unsigned)k % KEYS);
        maker->rate = MEAN * (double)makers_count / sum / (double)(k + 1);
    }
}

static int32_t turn(int32_t ring[RING], int32_t *sum, int64_t minute, int32_t next)
{
    int32_t *slot = &ring[minute % RING];

    *sum += next - *slot;
    *slot = next;
    return *sum;
}

/* What one minute adds. `tide` is how busy the site is, the same for all keys. */
static void make_row(struct maker *maker, int64_t minute, double tide, struct minute_row *row)
{
    int32_t impressions = poisson(maker->rate * tide);
    int32_t clicks = poisson(maker->rate * tide * CLICK_RATE);

    row->numbers[MINUTE_IMPRESSIONS] = impressions;
    row->numbers[MINUTE_CLICKS] = clicks;
    row->numbers[MINUTE_PEOPLE] = 1;
    row->numbers[MINUTE_VIEWERS] =
        turn(maker->viewers, &maker->people[0], minute, (int32_t)(impressions * 0.8 + chance()));
    row->numbers[MINUTE_CLICKERS] =
        turn(maker->clickers, &maker->people[1], minute, (int32_t)(clicks * 0.95 + chance()));
    row->numbers[MINUTE_UNSEEN_CLICKERS] =
        turn(maker->unseen, &maker->people[2], minute, (int32_t)(clicks * 0.05 + chance() * 0.99));
    row->numbers[MINUTE_REVISION] = chance() < 0.005 ? 1 + poisson(1) : 0;
    row->numbers[MINUTE_DUPLICATES] = poisson(maker->rate * 0.001);
    row->numbers[MINUTE_LATE] = chance() < 0.001;
}

static struct minute_key key_of(size_t k)
{
    const struct maker *maker = &makers[k];

    return (struct minute_key){.hash = (k + 1) * UINT64_C(0x9E3779B97F4A7C15),
                               .level = 3,
                               .page = {maker->page, maker->page_length},
                               .box = {maker->box, maker->box_length}};
}

static bool count_into(struct minute_block *block, size_t k, int64_t minute_ms,
                       struct minute_row **ret_row)
{
    struct minute_key key = key_of(k);

    return minute_block_row(block, &key, (uint32_t)k, minute_ms, ret_row) == CTR_OK;
}

static void fill(struct minute_block *block, int64_t minute)
{
    double tide = 1 + 0.5 * sin((double)minute / 1440 * 6.283185307179586) + 0.05 * chance();
    int64_t minute_ms = BEGIN_MS + minute * MINUTE_MS;

    for (size_t k = 0; k < makers_count; k++) {
        struct maker *maker = &makers[k];
        struct minute_row *row = NULL;

        if (!count_into(block, k, minute_ms, &row)) {
            exit(1);
        }
        make_row(maker, minute, tide, row);
    }
}

/* ---- file ---------------------------------------------------------------------------------- */

struct file {
    char path[PATH_BYTES];
    struct sql *sql;
    struct history *history;
};

static void must(enum ctr_status status, const struct ctr_error *error)
{
    if (status != CTR_OK) {
        (void)fprintf(stderr, "%s\n", error->text);
        exit(1);
    }
}

static void open_file(struct file *file, bool create)
{
    struct ctr_error error = {0};

    must(sql_open(file->path, &file->sql, &error), &error);
    must(sql_own(file->sql, &error), &error);
    if (create) {
        must(sql_run(file->sql, history_schema, &error), &error);
    }
    must(history_open(file->sql, &file->history, &error), &error);
}

static void close_file(struct file *file)
{
    history_close(file->history);
    sql_close(file->sql);
}

static off_t size_of(const char *path, const char *suffix)
{
    char name[PATH_BYTES + 8];
    struct stat found;

    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &found) == 0 ? found.st_size : 0;
}

static const struct history_limits for_ever = {
    .to_ms = BEGIN_MS, .keep_minutes_ms = INT64_MAX, .keep_hours_ms = INT64_MAX};

/* Gives the log's size before it was folded. */
static off_t save(struct file *file, struct minute_block *const *blocks, size_t count)
{
    struct ctr_error error = {0};
    const struct minute_block *given[HOUR_MINUTES];
    off_t log = 0;

    for (size_t i = 0; i < count; i++) {
        given[i] = blocks[i];
    }
    must(sql_run(file->sql, "BEGIN IMMEDIATE", &error), &error);
    must(history_add(file->history, given, count, &for_ever, &error), &error);
    must(sql_run(file->sql, "COMMIT", &error), &error);
    log = size_of(file->path, "-wal");
    must(sql_fold_log(file->sql, &error), &error);
    return log;
}

/* ---- parts --------------------------------------------------------------------------------- */

static double per_row(off_t bytes, double rows)
{
    return (double)bytes / rows;
}

static void report_size(const char *part, off_t bytes, double rows)
{
    (void)printf("{\"part\":\"%s\",\"rows\":%.0f,\"file_mb\":%.2f,\"bytes_per_row\":%.3f,"
                 "\"mb_per_day_of_45000_keys\":%.1f}\n",
                 part, rows, (double)bytes / 1e6, per_row(bytes, rows),
                 per_row(bytes, rows) * 45000 * 1440 / 1e6);
}

static void bench_expire(struct file *file, int64_t hours)
{
    struct history_limits limits = {.to_ms = BEGIN_MS + hours * HISTORY_HOUR_MS,
                                    .keep_minutes_ms = 0,
                                    .keep_hours_ms = INT64_MAX};
    struct ctr_error error = {0};
    double blocks = (double)hours * (double)makers_count;
    int64_t begun_us = now_us();

    must(sql_run(file->sql, "BEGIN IMMEDIATE", &error), &error);
    must(history_expire(file->history, &limits, SIZE_MAX, &error), &error);
    must(sql_run(file->sql, "COMMIT", &error), &error);
    (void)printf("{\"part\":\"expire_minutes\",\"ns_per_block\":%.0f,\"total_ms\":%.1f}\n",
                 (double)(now_us() - begun_us) * 1000 / blocks,
                 (double)(now_us() - begun_us) / 1000);
    begun_us = now_us();
    must(history_expire(file->history, &limits, SIZE_MAX, &error), &error);
    (void)printf("{\"part\":\"expire_nothing\",\"us\":%lld}\n", (long long)(now_us() - begun_us));
}

/* What it costs to count into a row that is there, keys in random order. */
static void bench_rows(void)
{
    enum { TURNS = 20 };
    struct minute_block *block = minute_block_new(BEGIN_MS);
    int64_t begun_us = 0;
    size_t k = 0;

    fill(block, 0);
    begun_us = now_us();
    for (size_t i = 0; i < TURNS * makers_count; i++) {
        struct minute_row *row = NULL;

        k = (k + 27644437) % makers_count;
        if (count_into(block, k, BEGIN_MS, &row)) {
            row->numbers[MINUTE_IMPRESSIONS]++;
        }
    }
    (void)printf("{\"part\":\"block_row\",\"ns_per_row\":%.1f}\n",
                 (double)(now_us() - begun_us) * 1000 / (double)(TURNS * makers_count));
    minute_block_give(block);
}

static void bench_minutes(struct file *file, int64_t hours)
{
    int64_t add_us = 0;
    int64_t worst_us = 0;
    int64_t fill_us = 0;
    off_t log = 0;
    off_t before = 0;

    open_file(file, true);
    for (int64_t minute = 0; minute < hours * HOUR_MINUTES; minute++) {
        struct minute_block *block = minute_block_new(BEGIN_MS + minute * MINUTE_MS);
        int64_t begun_us = now_us();
        int64_t took_us = 0;

        if (minute == (hours - 1) * HOUR_MINUTES) {
            before = size_of(file->path, "");
        }
        fill(block, minute);
        took_us = now_us() - begun_us;
        fill_us += took_us;
        begun_us += took_us;
        log += save(file, &block, 1);
        took_us = now_us() - begun_us;
        add_us += took_us;
        worst_us = took_us > worst_us ? took_us : worst_us;
        minute_block_give(block);
    }
    {
        double rows = (double)hours * HOUR_MINUTES * (double)makers_count;

        report_size("last_hour_minute_by_minute", size_of(file->path, "") - before,
                    rows / (double)hours);
        (void)printf("{\"part\":\"add_minute_by_minute\",\"ns_per_row\":%.0f,\"slowest_ms\":%.1f,"
                     "\"log_mb_per_minute\":%.2f,\"made_up_ns_per_row\":%.0f}\n",
                     (double)add_us * 1000 / rows, (double)worst_us / 1000,
                     (double)log / 1e6 / ((double)hours * HOUR_MINUTES),
                     (double)fill_us * 1000 / rows);
    }
    bench_expire(file, hours);
    close_file(file);
    (void)unlink(file->path);
}

/* A key's one view and its viewer, in ten minutes of an hour. */
static void fill_rare(struct minute_block *block, int64_t hour, size_t k)
{
    int64_t first = (int64_t)(dice() % (HOUR_MINUTES - RING));
    struct maker *maker = &makers[k % makers_count];
    char box[PATH_BYTES];
    struct minute_key key = {.hash = (k + 1) * UINT64_C(0x9E3779B97F4A7C15),
                             .level = 3,
                             .page = {maker->page, maker->page_length}};

    key.box = (struct text){box, (size_t)snprintf(box, sizeof box, "rare.%zu", k)};
    for (int64_t minute = first; minute < first + RING; minute++) {
        struct minute_row *row = NULL;

        if (minute_block_row(block, &key, 0, BEGIN_MS + hour * HISTORY_HOUR_MS + minute * MINUTE_MS,
                             &row) != CTR_OK) {
            exit(1);
        }
        row->numbers[MINUTE_IMPRESSIONS] = minute == first;
        row->numbers[MINUTE_PEOPLE] = 1;
        row->numbers[MINUTE_VIEWERS] = 1;
    }
}

static void bench_rare(struct file *file)
{
    off_t before = 0;

    open_file(file, true);
    for (int64_t hour = 0; hour < 2; hour++) {
        struct minute_block *block = minute_block_new(BEGIN_MS);

        before = size_of(file->path, "");
        for (size_t k = 0; k < makers_count * 5; k++) {
            fill_rare(block, hour, k);
        }
        (void)save(file, &block, 1);
        minute_block_give(block);
    }
    report_size("rare_keys", size_of(file->path, "") - before, 5.0 * RING * (double)makers_count);
    close_file(file);
    (void)unlink(file->path);
}

static bool count_point(void *owner, const struct history_point *point)
{
    int64_t *sum = owner;

    *sum += 1 + (point->numbers[MINUTE_IMPRESSIONS] < 0);
    return true;
}

static int compare_times(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;

    return (*left > *right) - (*left < *right);
}

static void bench_reads(struct file *file, const char *part, bool reopen)
{
    static int64_t times_us[READS];
    struct ctr_error error = {0};
    int64_t points = 0;

    for (int i = 0; i < READS; i++) {
        struct minute_key key = key_of((size_t)(dice() % makers_count));
        int64_t begun_us = 0;

        if (reopen) {
            close_file(file);
            open_file(file, false);
        }
        begun_us = now_us();
        must(history_read(file->history, &key, BEGIN_MS, BEGIN_MS + HISTORY_HOUR_MS * DAY_HOURS,
                          count_point, &points, &error),
             &error);
        times_us[i] = now_us() - begun_us;
    }
    qsort(times_us, READS, sizeof times_us[0], compare_times);
    (void)printf("{\"part\":\"%s\",\"median_us\":%lld,\"max_us\":%lld,\"points_per_read\":%.0f}\n",
                 part, (long long)times_us[READS / 2], (long long)times_us[READS - 1],
                 (double)points / READS);
}

static void bench_day(struct file *file)
{
    int64_t add_us = 0;
    double rows = (double)DAY_HOURS * HOUR_MINUTES * (double)makers_count;

    open_file(file, true);
    for (int64_t hour = 0; hour < DAY_HOURS; hour++) {
        struct minute_block *blocks[HOUR_MINUTES];
        int64_t begun_us = 0;

        for (int64_t i = 0; i < HOUR_MINUTES; i++) {
            int64_t minute = hour * HOUR_MINUTES + i;

            blocks[i] = minute_block_new(BEGIN_MS + minute * MINUTE_MS);
            fill(blocks[i], minute);
        }
        begun_us = now_us();
        (void)save(file, blocks, HOUR_MINUTES);
        add_us += now_us() - begun_us;
        for (int i = 0; i < HOUR_MINUTES; i++) {
            minute_block_give(blocks[i]);
        }
    }
    report_size("day_by_hours", size_of(file->path, ""), rows);
    (void)printf("{\"part\":\"add_by_hours\",\"ns_per_row\":%.0f}\n", (double)add_us * 1000 / rows);
    bench_reads(file, "read_24h_first", false);
    bench_reads(file, "read_24h_again", false);
    bench_reads(file, "read_24h_reopened", true);
    close_file(file);
    (void)unlink(file->path);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/livectr-bench-XXXXXX";
    struct file file;
    struct rusage usage;

    if (argc > 1) {
        makers_count = strtoull(argv[1], NULL, 10) % (KEYS + 1);
    }
    if (mkdtemp(dir) == NULL || makers_count == 0) {
        return 1;
    }
    (void)snprintf(file.path, sizeof file.path, "%s/livectr.db", dir);
    make_makers();
    bench_rows();
    bench_minutes(&file, argc > 2 ? strtoll(argv[2], NULL, 10) : 2);
    bench_rare(&file);
    make_makers();
    bench_day(&file);
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("{\"part\":\"memory\",\"resident_mb\":%ld}\n", usage.ru_maxrss / 1024);
    (void)rmdir(dir);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "service/snapshot_verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/manual.h"
#include "service/snapshot_export.h"
#include "service/snapshot_file.h"
#include "service/verb.h"
#include "storage/checkpoint.h"
#include "storage/moment.h"
#include "storage/snapshot_check.h"

static void print_time(const char *name, int64_t time_ms)
{
    char text[MOMENT_TEXT_BYTES] = "never";

    if (time_ms != MOMENT_NONE) {
        moment_format(time_ms, text);
    }
    (void)printf("%-14s%s\n", name, text);
}

static int complain(const struct ctr_error *error)
{
    (void)fprintf(stderr, "livectr snapshot: %s\n", error->text);
    return SNAPSHOT_BAD;
}

static void show_progress(uint64_t rows)
{
    (void)fprintf(stderr, "\r%" PRIu64 " rows", rows);
}

static void end_progress(bool tty)
{
    if (tty) {
        (void)fputs("\r\x1b[K", stderr);
    }
}

/* ---- info ---------------------------------------------------------------------------------- */

static void print_checkpoint(const struct checkpoint *from)
{
    print_time("as of", from->as_of_ms);
    print_time("to", from->to_ms);
    (void)printf("%-14s", "windows");
    for (size_t i = 0; i < from->windows.count; i++) {
        (void)printf("%s%s", i == 0 ? "" : ",", from->windows.items[i].name);
    }
    (void)printf("\n%-14s%zu\n", "partitions", from->partitions_count);
    for (size_t i = 0; i < from->partitions_count; i++) {
        const struct partition *partition = &from->partitions[i];

        (void)printf("  %s/%d", partition->topic, (int)partition->number);
        for (size_t n = 0; n < partition->intervals_count; n++) {
            (void)printf(" [%" PRId64 ",%" PRId64 ")", partition->intervals[n].first,
                         partition->intervals[n].next);
        }
        (void)printf(" read %" PRIu64 " counted %" PRIu64 "\n", partition->counts.read,
                     partition->counts.counted);
    }
}

static int info(struct snapshot *snapshot, const char *path, bool tty)
{
    struct snapshot_facts facts;
    struct checkpoint *from = NULL;
    struct ctr_error error = {.text = ""};
    enum ctr_status status = snapshot_facts_read(snapshot, &facts, &error);

    (void)tty;
    if (status != CTR_OK) {
        return complain(&error);
    }
    (void)printf("%-14s%s\n%-14s%" PRId64 "\n%-14s%" PRIu64 "\n", "file", path, "schema",
                 facts.version, "cut", facts.cut);
    print_time("saved at", facts.saved_ms);
    (void)printf("%-14s%" PRId64 " of which %" PRId64 " unused\n", "bytes",
                 facts.pages * facts.page_bytes, facts.unused_pages * facts.page_bytes);
    (void)printf("rows\n");
    for (size_t i = 0; i < SNAPSHOT_TABLES; i++) {
        (void)printf("  %-14s%" PRId64 "\n", snapshot_tables[i], facts.rows[i]);
    }
    status = snapshot_load(snapshot, &from, &error);
    if (status == CTR_OK) {
        print_checkpoint(from);
    }
    checkpoint_free(from);
    return status == CTR_OK || status == CTR_NOT_FOUND ? SNAPSHOT_OK : complain(&error);
}

/* ---- verify -------------------------------------------------------------------------------- */

struct verifying {
    uint64_t damaged;
    bool tty;
};

static void print_damage(void *owner, const char *what)
{
    struct verifying *verifying = owner;

    end_progress(verifying->tty);
    (void)printf("damaged: %s\n", what);
    verifying->damaged++;
}

static void print_rows(void *owner, uint64_t rows)
{
    const struct verifying *verifying = owner;

    if (verifying->tty) {
        show_progress(rows);
    }
}

static int verify(struct snapshot *snapshot, const char *path, bool tty)
{
    struct verifying verifying = {.tty = tty};
    const struct snapshot_checking checking = {
        .damage = print_damage, .progress = print_rows, .owner = &verifying};
    struct ctr_error error = {.text = ""};
    uint64_t rows = 0;
    enum ctr_status status = snapshot_check(snapshot, &checking, &rows, &error);

    end_progress(tty);
    if (status != CTR_OK) {
        return complain(&error);
    }
    if (snapshot_file_in_use(path)) {
        (void)fprintf(stderr, "livectr snapshot: a service has opened the file meanwhile\n");
        return SNAPSHOT_BAD;
    }
    (void)printf("%s: %" PRIu64 " rows, %" PRIu64 " damaged, cut %" PRIu64 "\n", path, rows,
                 verifying.damaged, snapshot_cut(snapshot));
    return verifying.damaged == 0 ? SNAPSHOT_OK : SNAPSHOT_BAD;
}

/* ---- export -------------------------------------------------------------------------------- */

static int export_all(struct snapshot *snapshot, const char *path, bool tty)
{
    struct ctr_error error = {.text = ""};
    uint64_t lines = 0;
    enum ctr_status status =
        snapshot_export(snapshot, stdout, tty ? show_progress : NULL, &lines, &error);

    (void)path;
    end_progress(tty);
    if (status != CTR_OK) {
        return complain(&error);
    }
    if (tty) {
        (void)fprintf(stderr, "%" PRIu64 " lines\n", lines);
    }
    return SNAPSHOT_OK;
}

int snapshot_main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct snapshot *snapshot, const char *path, bool tty);
    } actions[] = {{"info", info}, {"verify", verify}, {"export", export_all}};
    struct snapshot_file file;
    struct ctr_error error = {.text = ""};

    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        manual_write_help(&verb_snapshot, stdout);
        return SNAPSHOT_OK;
    }
    for (size_t i = 0; argc == 2 && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[0], actions[i].name) == 0) {
            int code = SNAPSHOT_BAD;

            if (snapshot_file_open(argv[1], &file, &error) != CTR_OK) {
                return complain(&error);
            }
            code = actions[i].run(file.snapshot, argv[1], isatty(STDERR_FILENO) == 1);
            snapshot_file_close(&file);
            return code;
        }
    }
    manual_write_help(&verb_snapshot, stderr);
    return SNAPSHOT_USAGE;
}

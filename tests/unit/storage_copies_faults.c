/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk fails, or the process ends, at the n-th call that touches the two files, for every n of
 * a life: made, saved to, closed, loaded, made again. This program runs itself under
 * tests/faults/shim_disk.c for it; where that was not built (sanitizers), there is nothing to run.
 *
 * LIVECTR_STRIDE=k: every k-th n.
 */
#include "storage/copies.h"

#include "storage_snapshot_fixture.h"

#include "storage/history.h"

enum { STEPS = 8, EVENTS = 3, DONE = 0, WRONG = 1, REFUSED = 3, ATTEMPTS_MAX = 40 };

static const char *program;
static char second[PATH_BYTES + 8];
static char plan[PATH_BYTES + 8];
static char counted[PATH_BYTES + 8];
static char said[PATH_BYTES + 8];

/* ---- the life ------------------------------------------------------------------------------ */

static struct store_options life_options(void)
{
    struct store_options options = fixture_options("1m,10m");

    options.click_gap_ms = 10000;
    return options;
}

/* A step is a minute and a half, so that finished minutes wait for each save. */
static void live_step(struct store *store, int step)
{
    static const char *const visitors[EVENTS] = {"v1", "v2", NULL};

    for (int i = 0; i < EVENTS; i++) {
        int64_t now_ms = BEGIN_MS + step * 90000 + i * 1000;
        char page[16];

        (void)snprintf(page, sizeof page, "/%d", (step + i) % 4);
        give(store, 0, now_ms,
             (struct given){.type = i == 1 ? EVENT_CLICK : EVENT_VIEW,
                            .ts_ms = now_ms,
                            .page = page,
                            .box = "box",
                            .visitor = visitors[i]});
    }
    settle_at(store, BEGIN_MS + step * 90000 + 10000);
}

static enum ctr_status open_both(struct copies **ret_copies)
{
    const struct copies_options options = {.paths = {path, second}, .count = 2};
    struct ctr_error error = {.text = ""};
    enum ctr_status status = copies_open(&options, ret_copies, &error);

    if (status != CTR_OK) {
        (void)printf("refused: %s\n", error.text);
    }
    return status;
}

static bool save_step(struct copies *copies, struct store *store, bool whole)
{
    struct checkpoint *cut = NULL;
    bool saved = false;

    assert_int_equal(store_cut(store, whole, &cut), CTR_OK);
    saved = copies_save(copies, cut, BEGIN_MS, NULL) == CTR_OK;
    checkpoint_free(cut);
    return saved;
}

static void mend_all(struct copies *copies)
{
    for (int i = 0; i < 1000 && copies_mend(copies); i++) {
    }
}

static int load_or_begin(struct copies *copies, struct store **ret_store)
{
    struct store_options options = life_options();
    struct checkpoint *loaded = NULL;
    struct ctr_error error = {.text = ""};
    enum ctr_status status = copies_load(copies, &loaded, &error);

    if (status == CTR_NOT_FOUND) {
        *ret_store = fixture_store(&options, 1);
        return DONE;
    }
    if (status != CTR_OK) {
        (void)printf("refused: %s\n", error.text);
        return REFUSED;
    }
    assert_int_equal(store_restore(&options, loaded, ret_store, NULL), CTR_OK);
    checkpoint_free(loaded);
    copies_settle(copies);
    partition_start(store_partition(*ret_store, 0), partition_next(store_partition(*ret_store, 0)),
                    false);
    return DONE;
}

static bool add_point(void *owner, const struct minute_key *key, const struct history_point *point)
{
    uint64_t *sum = owner;

    *sum += hash_mix(hash_checksum(key->page.bytes, key->page.length),
                     hash_checksum(key->box.bytes, key->box.length) + key->level,
                     hash_checksum(point, sizeof *point));
    return true;
}

/* What one file says of the history. */
static uint64_t history_of(const char *file)
{
    struct snapshot *snapshot = NULL;
    uint64_t sum = 0;

    assert_int_equal(snapshot_open(file, &snapshot, NULL), CTR_OK);
    assert_int_equal(history_each(snapshot_history(snapshot), add_point, &sum, NULL), CTR_OK);
    snapshot_close(snapshot);
    return sum;
}

static void lift_faults(void)
{
    (void)unlink(plan);
}

/* The same numbers as if nothing had ever failed, in both files. */
static int judge(struct store *store)
{
    static char kept[PATH_BYTES];
    struct store_options options = life_options();
    struct store *wanted = fixture_store(&options, 1);
    struct copies *copies = NULL;
    struct snapshot *snapshot = NULL;
    uint64_t history = 0;

    for (int step = 0; step < STEPS + 1; step++) {
        live_step(wanted, step);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(snapshot_open(i == 0 ? path : second, &snapshot, NULL), CTR_OK);
        assert_saved(snapshot, store);
        assert_saved(snapshot, wanted);
        snapshot_close(snapshot);
    }
    history = history_of(path);
    assert_true(history == history_of(second));
    /* Of a life without faults, in files beside these. */
    memcpy(kept, path, sizeof kept);
    (void)snprintf(path, sizeof path, "%.80s.x", kept);
    (void)snprintf(second, sizeof second, "%.80s.y", kept);
    store_free(wanted);
    wanted = fixture_store(&options, 1);
    assert_int_equal(open_both(&copies), CTR_OK);
    for (int step = 0; step < STEPS + 1; step++) {
        live_step(wanted, step);
        assert_true(save_step(copies, wanted, step == 0));
    }
    copies_close(copies);
    assert_true(history == history_of(path));
    store_free(wanted);
    return DONE;
}

/* Goes on from what the files hold to the last step, whatever fails on the way. */
static int live(void)
{
    struct copies *copies = NULL;
    struct store *store = NULL;
    struct copies_health health = {.good = 0};
    bool whole = true;

    if (open_both(&copies) != CTR_OK) {
        return REFUSED;
    }
    if (load_or_begin(copies, &store) != DONE) {
        copies_close(copies);
        return REFUSED;
    }
    for (int step = (int)(partition_next(store_partition(store, 0)) / EVENTS); step < STEPS;
         step++) {
        live_step(store, step);
        (void)save_step(copies, store, whole);
        whole = copies_want_whole(copies);
        mend_all(copies);
    }
    lift_faults();
    for (int attempt = 0; health.good < 2; attempt++) {
        bool last = partition_next(store_partition(store, 0)) > (int64_t)STEPS * EVENTS;

        assert_true(attempt < ATTEMPTS_MAX);
        if (!last) {
            live_step(store, STEPS);
        }
        assert_true(save_step(copies, store, whole));
        whole = copies_want_whole(copies);
        mend_all(copies);
        copies_health(copies, &health);
    }
    copies_close(copies);
    (void)judge(store);
    store_free(store);
    return DONE;
}

static int outcome = WRONG;

static void the_life(void **state)
{
    (void)state;
    outcome = live();
}

/* Under the shim; the exit code says what became of it. */
static int be_child(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_life)};

    return cmocka_run_group_tests_name("a life", tests, NULL, NULL) == 0 ? outcome : WRONG;
}

/* ---- the driver ---------------------------------------------------------------------------- */

static int run_child(void)
{
    int status = 0;
    pid_t child = 0;

    (void)fflush(stdout); /* or the child would write it again */
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)!freopen(said, "w", stdout);
        (void)dup2(STDOUT_FILENO, STDERR_FILENO);
        (void)setenv("LD_PRELOAD", LIVECTR_SHIM_DISK, 1);
        (void)setenv("FAULT_DISK_DIR", directory, 1);
        (void)setenv("FAULT_DISK_CONTROL", plan, 1);
        (void)setenv("FAULT_DISK_COUNT", counted, 1);
        (void)execl(program, program, "child", path, plan, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void write_plan(const char *rule, long n, const char *rest)
{
    char text[80];

    (void)snprintf(text, sizeof text, "%s %ld %s\n", rule, n, rest);
    write_file(plan, (const unsigned char *)text, strlen(text));
}

static int make_life(void **state)
{
    (void)make_path(state);
    (void)snprintf(second, sizeof second, "%s.2", path);
    (void)snprintf(plan, sizeof plan, "%s-plan", directory);
    (void)snprintf(said, sizeof said, "%s-said", directory);
    (void)snprintf(counted, sizeof counted, "%s-count", directory);
    (void)unlink(plan);
    return 0;
}

static void remove_life(void)
{
    static const char *const suffixes[] = {"",     "-wal",     "-journal",    ".part",
                                           ".new", ".damaged", ".damaged-wal"};
    char name[PATH_BYTES + 32];

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
        (void)snprintf(name, sizeof name, "%s%s", second, suffixes[i]);
        (void)unlink(name);
        (void)snprintf(name, sizeof name, "%s.%c%s", path, 'x', suffixes[i]);
        (void)unlink(name);
        (void)snprintf(name, sizeof name, "%s.%c%s", path, 'y', suffixes[i]);
        (void)unlink(name);
    }
}

/* How many calls of a kind (or "total") a life without faults has. */
static long calls_of_a_life(const char *kind)
{
    static unsigned char text[FILE_BYTES_MAX];
    const char *line = NULL;

    (void)make_life(NULL);
    assert_int_equal(run_child(), DONE);
    text[read_file(counted, text)] = '\0';
    remove_life();
    line = strstr((const char *)text, kind);
    assert_non_null(line);
    return strtol(line + strlen(kind), NULL, 10);
}

/* For each n: the first life may be refused or end early; the one after it is right. */
static void every_call(const char *rule, const char *rest, const char *kind, long stride)
{
    long calls = calls_of_a_life(kind);
    const char *given = getenv("LIVECTR_STRIDE");
    long hit = 0;

    stride = given == NULL ? stride : strtol(given, NULL, 10);
    assert_true(calls > 50);
    for (long n = 1; n <= calls; n += stride) {
        int code = DONE;

        (void)make_life(NULL);
        write_plan(rule, n, rest);
        code = run_child();
        if (code == REFUSED || code == 128 + SIGKILL) {
            hit++;
            lift_faults();
            code = run_child();
        }
        if (code != DONE) {
            static unsigned char text[FILE_BYTES_MAX];

            text[read_file(said, text)] = '\0';
            fail_msg("%s %ld %s: exit code %d: %s", rule, n, rest, code, (const char *)text);
        }
        remove_life();
    }
    (void)printf("%s N %s: %ld calls, every %ld tried, %ld lives cut short\n", rule, rest, calls,
                 stride, hit);
}

static void an_error_at_any_call_costs_nothing(void **state)
{
    (void)state;
    every_call("fail", "EIO once", "total", 11);
}

static void errors_from_any_call_on_cost_nothing(void **state)
{
    (void)state;
    every_call("fail", "EIO always", "total", 29);
    every_call("fail", "ENOSPC always write", "write", 19);
}

static void a_failed_sync_costs_nothing(void **state)
{
    (void)state;
    every_call("fail", "EIO once sync", "sync", 7);
}

static void a_kill_at_any_call_costs_nothing(void **state)
{
    (void)state;
    every_call("kill", "all", "total", 11);
    every_call("tear", "write", "write", 13);
}

static int end(void **state)
{
    (void)unlink(plan);
    (void)unlink(counted);
    (void)unlink(said);
    return remove_directory(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_error_at_any_call_costs_nothing, make_life),
        cmocka_unit_test_setup(errors_from_any_call_on_cost_nothing, make_life),
        cmocka_unit_test_setup(a_failed_sync_costs_nothing, make_life),
        cmocka_unit_test_setup(a_kill_at_any_call_costs_nothing, make_life),
    };

    program = argv[0];
    if (argc == 4 && strcmp(argv[1], "child") == 0) {
        (void)snprintf(path, sizeof path, "%s", argv[2]);
        (void)snprintf(second, sizeof second, "%s.2", path);
        (void)snprintf(plan, sizeof plan, "%s", argv[3]);
        return be_child();
    }
    if (LIVECTR_SHIM_DISK[0] == '\0') {
        (void)printf("without the shim there is nothing to run\n");
        return 0;
    }
    return cmocka_run_group_tests_name("storage/copies_faults", tests, make_directory, end);
}

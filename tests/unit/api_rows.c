/* SPDX-License-Identifier: Apache-2.0
 *
 * Rendered rows are held against rows made anew: whatever was asked before, in whatever order, the
 * bytes are those of the picture that the batch names.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "api/answer.h"
#include "api/rows.h"
#include "storage/partitions.h"
#include "tests/unit/api_fixture.h"

enum {
    PAGES = 40,
    BOXES = 5,
    NAMES_MAX = 300,
    LONG_BYTES = 300,
    SEEN = 65 /* more than the store reads at once */
};

static char pages[PAGES][LONG_BYTES + 1];
static char boxes[BOXES][16];

static void make_names(void)
{
    for (int i = 0; i < PAGES; i++)
        (void)snprintf(pages[i], sizeof pages[i], "/page/%d", i);
    for (int i = 0; i < BOXES; i++)
        (void)snprintf(boxes[i], sizeof boxes[i], "box.%d", i);
    (void)snprintf(pages[7], sizeof pages[7], "/a \"quoted\" \\ page");
    memset(pages[8], 'x', LONG_BYTES); /* fits, and with the other one below does not */
    memset(pages[9], 'y', LONG_BYTES);
    (void)snprintf(boxes[3], sizeof boxes[3], "b\",\"box\":\"c");
}

static struct text text_at(const char *string)
{
    return (struct text){string, strlen(string)};
}

static unsigned dice_state = 7;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 1103515245U + 12345U;
    return (dice_state >> 16) % sides;
}

/* One of all levels; some that nobody has counted. */
static struct key_name pick_name(void)
{
    struct key_name name = {.page = {0}};
    unsigned kind = dice(12);

    if (kind == 0)
        return name;
    if (kind != 1)
        name.page = text_at(pages[dice(PAGES)]);
    if (kind > 2)
        name.box = text_at(boxes[dice(BOXES)]);
    if (kind == 3)
        name.page = (struct text){"box.1", 5}; /* the id of a box */
    return name;
}

static void fill(struct fixture *fixture)
{
    for (int i = 0; i < 300; i++)
        fixture_event(fixture, dice(4) == 0 ? EVENT_CLICK : EVENT_VIEW, pages[dice(PAGES - 5)],
                      dice(6) == 0 ? NULL : boxes[dice(BOXES)]);
    fixture_publish(fixture);
    fixture->ts_ms += 1000;
}

/* The rows of one window by the cache, and without. */
static void compare(const struct store *store, size_t window, const struct key_name *names,
                    size_t count, size_t *ret_made)
{
    static struct figures figures[NAMES_MAX];
    struct row_batch batch;
    struct reading reading;
    struct writer ours;
    struct writer model;

    writer_init(&ours, ANSWER_BYTES_MAX);
    writer_init(&model, ANSWER_BYTES_MAX);
    assert_int_equal(row_batch_read(store, window, names, count, &batch), CTR_OK);
    writer_open(&ours, '[');
    row_batch_write(&batch, &ours);
    writer_close(&ours, ']');
    store_read(store, window, names, count, figures, &reading);
    writer_open(&model, '[');
    for (size_t i = 0; i < count; i++) {
        writer_open(&model, '{');
        answer_write_names(&model, names[i].page, names[i].box);
        answer_write_numbers(&model, &figures[i]);
        writer_close(&model, '}');
    }
    writer_close(&model, ']');
    assert_int_equal(ours.status, CTR_OK);
    assert_int_equal(ours.length, model.length);
    assert_memory_equal(ours.bytes, model.bytes, model.length);
    assert_int_equal(batch.reading.from_ms, reading.from_ms);
    assert_int_equal(batch.reading.progress.revision, reading.progress.revision);
    *ret_made = 0;
    if (batch.figures != NULL)
        *ret_made = 1;
    row_batch_done(&batch);
    writer_done(&ours);
    writer_done(&model);
}

/* Any batches, in any order, while the picture moves on. */
static void test_same_bytes(void **state)
{
    struct fixture fixture;
    struct key_name names[NAMES_MAX];
    size_t made = 0;

    (void)state;
    make_names();
    fixture_start(&fixture, 150); /* fewer keys than there are: some are folded */
    for (int round = 0; round < 60; round++) {
        fill(&fixture);
        for (int batch = 0; batch < 5; batch++) {
            size_t count = dice(NAMES_MAX);

            for (size_t i = 0; i < count; i++)
                names[i] = pick_name();
            compare(fixture.store, dice(3), names, count, &made);
        }
    }
    fixture_done(&fixture);
}

/* The same keys in another order cost the store nothing more. */
static void test_shares(void **state)
{
    struct fixture fixture;
    struct key_name names[30];
    size_t made = 0;

    (void)state;
    make_names();
    fixture_start(&fixture, 10000);
    fill(&fixture);
    for (size_t i = 0; i < 30; i++)
        names[i] = (struct key_name){text_at(pages[10 + i % 15]), text_at(boxes[i % 2])};
    compare(fixture.store, 1, names, 30, &made);
    assert_int_equal(made, 1);
    compare(fixture.store, 1, names, 30, &made);
    assert_int_equal(made, 0);
    for (size_t i = 0; i < 15; i++) {
        struct key_name moved = names[i];

        names[i] = names[29 - i];
        names[29 - i] = moved;
    }
    compare(fixture.store, 1, names, 17, &made);
    assert_int_equal(made, 0);
    compare(fixture.store, 2, names, 17, &made); /* another window */
    assert_int_equal(made, 1);
    fill(&fixture); /* another picture */
    compare(fixture.store, 1, names, 17, &made);
    assert_int_equal(made, 1);
    names[16] = (struct key_name){.page = text_at(pages[7])}; /* has to be escaped */
    names[15] = (struct key_name){text_at(pages[8]), text_at(boxes[1])};
    compare(fixture.store, 1, names, 16, &made);
    assert_int_equal(made, 1);
    compare(fixture.store, 1, names, 16, &made);
    assert_int_equal(made, 1); /* too long to be kept */
    compare(fixture.store, 1, names + 16, 1, &made);
    compare(fixture.store, 1, names + 16, 1, &made);
    assert_int_equal(made, 1);
    names[0] = (struct key_name){.page = text_at("\\")}; /* begins like its own escape */
    compare(fixture.store, 1, names, 1, &made);
    compare(fixture.store, 1, names, 1, &made);
    assert_int_equal(made, 1);
    fixture_done(&fixture);
}

/* Two stores at the same revision, as main and a scout are: neither shows the other's rows. */
static void test_stores(void **state)
{
    struct fixture first;
    struct fixture second;
    struct key_name name;
    size_t made = 0;

    (void)state;
    make_names();
    fixture_start(&first, 1000);
    fixture_start(&second, 1000);
    fixture_events(&first, 10, 1, pages[1], boxes[1]);
    fixture_events(&second, 20, 3, pages[1], boxes[1]);
    fixture_publish(&first);
    fixture_publish(&second);
    name = (struct key_name){text_at(pages[1]), text_at(boxes[1])};
    for (int i = 0; i < 3; i++) {
        compare(first.store, 1, &name, 1, &made);
        compare(second.store, 1, &name, 1, &made);
    }
    fixture_done(&first);
    fixture_done(&second);
}

/* What is covered may begin later without any count changing. */
static void test_covered(void **state)
{
    struct fixture fixture;
    struct key_name name;
    size_t made = 0;

    (void)state;
    make_names();
    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 10, 1, pages[1], boxes[1]);
    fixture_publish(&fixture);
    name = (struct key_name){text_at(pages[1]), text_at(boxes[1])};
    compare(fixture.store, 1, &name, 1, &made);
    compare(fixture.store, 1, &name, 1, &made);
    assert_int_equal(made, 0);
    store_cover_from(fixture.store, FIXTURE_TS - 1000);
    assert_int_equal(store_advance(fixture.store, MOMENT_NONE, true), CTR_OK);
    compare(fixture.store, 1, &name, 1, &made);
    assert_int_equal(made, 1);
    fixture_done(&fixture);
}

/* ---- a picture that changes in the middle -------------------------------------------------- */

/* store_read() as the linker gives it to api/rows.c: a step may come right before. */
/* NOLINTBEGIN(readability-identifier-naming): the linker's names */
void __real_store_read(const struct store *store, size_t window, const struct key_name *names,
                       size_t count, struct figures *ret_figures, struct reading *ret_reading);
void __wrap_store_read(const struct store *store, size_t window, const struct key_name *names,
                       size_t count, struct figures *ret_figures, struct reading *ret_reading);

static struct fixture *stepping; /* NULL: nothing comes in between */
static int steps_left;

static void step(struct fixture *fixture)
{
    fixture_event(fixture, EVENT_VIEW, pages[1], boxes[1]);
    fixture_event(fixture, EVENT_VIEW, pages[1], NULL);
    fixture_publish(fixture);
    fixture->ts_ms += 1000;
}

void __wrap_store_read(const struct store *store, size_t window, const struct key_name *names,
                       size_t count, struct figures *ret_figures, struct reading *ret_reading)
{
    if (stepping != NULL && stepping->store == store && steps_left > 0) {
        steps_left--;
        step(stepping);
    }
    __real_store_read(store, window, names, count, ret_figures, ret_reading);
}
/* NOLINTEND(readability-identifier-naming) */

/* Counts that belong together, read while they change: views of the page and of its box are equal
 * in every picture, so they must be in every answer. */
struct asker {
    const struct fixture *fixture;
    _Atomic bool stop;
    _Atomic uint64_t answers;
    bool torn; /* read after its end */
};

static const char *impressions_after(const char *at)
{
    at = strstr(at, "\"impressions\":");
    return at == NULL ? NULL : at + strlen("\"impressions\":");
}

/* False: there is no memory. *ret_torn: not all of them have the same views. */
static bool ask(const struct store *store, const struct key_name *names, size_t count,
                bool *ret_torn)
{
    struct row_batch batch;
    struct writer writer;
    uint64_t first = 0;
    const char *at;

    if (row_batch_read(store, 1, names, count, &batch) != CTR_OK)
        return false;
    writer_init(&writer, ANSWER_BYTES_MAX);
    row_batch_write(&batch, &writer);
    writer_plain(&writer, "", 1);
    at = impressions_after(writer.bytes);
    first = at == NULL ? 0 : strtoull(at, NULL, 10);
    *ret_torn = *ret_torn || at == NULL;
    for (; at != NULL; at = impressions_after(at))
        *ret_torn = *ret_torn || strtoull(at, NULL, 10) != first;
    writer_done(&writer);
    row_batch_done(&batch);
    return true;
}

/* One of the two keys is found among the rows then, and the other one is not. */
static void *ask_on(void *owner)
{
    struct asker *asker = owner;
    const struct store *store = asker->fixture->store;
    struct key_name names[SEEN];

    for (size_t i = 0; i < SEEN; i++)
        names[i] = (struct key_name){.page = text_at(pages[1])};
    for (size_t i = 1; i < SEEN; i += 2)
        names[i].box = text_at(boxes[1]);
    while (!atomic_load(&asker->stop) && ask(store, names, 1, &asker->torn) &&
           ask(store, names, 2 + atomic_load(&asker->answers) % (SEEN - 1), &asker->torn))
        (void)atomic_fetch_add(&asker->answers, 1);
    return NULL;
}

/* A row that was found, and one that has to be read when the picture is another already. */
static void test_changes_between(void **state)
{
    struct fixture fixture;
    struct key_name names[2];
    bool torn = false;

    (void)state;
    make_names();
    fixture_start(&fixture, 1000);
    names[0] = (struct key_name){.page = text_at(pages[1])};
    names[1] = (struct key_name){text_at(pages[1]), text_at(boxes[1])};
    for (int steps = 0; steps < 8; steps++) {
        step(&fixture);
        stepping = NULL;
        assert_true(ask(fixture.store, names, 1, &torn));
        stepping = &fixture;
        steps_left = steps;
        assert_true(ask(fixture.store, names, 2, &torn));
        assert_false(torn);
        assert_true(steps_left < steps || steps == 0);
    }
    stepping = NULL;
    fixture_done(&fixture);
}

static void test_one_moment(void **state)
{
    enum { ASKERS = 3, STEPS = 2000, ANSWERS = 1000 };
    struct fixture fixture;
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];
    bool enough = false;

    (void)state;
    make_names();
    fixture_start(&fixture, 1000);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.fixture = &fixture};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &askers[i]), 0);
    }
    for (int steps = 0; steps < STEPS || !enough; steps++) {
        step(&fixture);
        enough = true;
        for (int i = 0; i < ASKERS; i++)
            enough = enough && atomic_load(&askers[i].answers) >= ANSWERS;
    }
    for (int i = 0; i < ASKERS; i++)
        atomic_store(&askers[i].stop, true);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(askers[i].torn);
    }
    fixture_done(&fixture);
}

/* ---- threads ------------------------------------------------------------------------------- */

enum { THREADS = ROWS_THREADS_MAX + 4 };

struct crowd_of {
    const struct store *store;
    pthread_barrier_t all;
    _Atomic unsigned with_slots, answers;
};

static void *ask_among_many(void *owner)
{
    struct crowd_of *crowd = owner;
    struct key_name name = {.page = text_at(pages[1])};
    bool torn = false;
    struct row_batch batch;

    if (row_batch_read(crowd->store, 1, &name, 1, &batch) == CTR_OK) {
        (void)atomic_fetch_add(&crowd->with_slots, batch.rows != NULL);
        row_batch_done(&batch);
    }
    (void)atomic_fetch_add(&crowd->answers, ask(crowd->store, &name, 1, &torn) && !torn);
    (void)pthread_barrier_wait(&crowd->all);
    return NULL;
}

/* Memory is bounded: the last ones do without, and slots come back with the threads that had them.
 */
static void test_many_threads(void **state)
{
    struct fixture fixture;
    struct crowd_of crowd;
    pthread_t threads[THREADS];
    struct key_name site = {.page = {0}};
    size_t made = 0;

    (void)state;
    make_names();
    fixture_start(&fixture, 1000);
    fill(&fixture);
    compare(fixture.store, 1, &site, 1, &made); /* this thread has some */
    for (int round = 0; round < 2; round++) {
        crowd = (struct crowd_of){.store = fixture.store};
        assert_int_equal(pthread_barrier_init(&crowd.all, NULL, THREADS), 0);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, ask_among_many, &crowd), 0);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd.with_slots, ROWS_THREADS_MAX - 1);
        assert_int_equal(crowd.answers, THREADS);
        (void)pthread_barrier_destroy(&crowd.all);
    }
    fixture_done(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),      cmocka_unit_test(test_shares),
        cmocka_unit_test(test_stores),          cmocka_unit_test(test_covered),
        cmocka_unit_test(test_changes_between), cmocka_unit_test(test_one_moment),
        cmocka_unit_test(test_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/listing.h"
#include "storage/store_status.h"
#include "storage_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

/* ---- lists --------------------------------------------------------------------------------- */

static void assert_list(const struct store *store, struct list_query query, const char *wanted)
{
    struct listing *listing = NULL;
    char text[256] = "";
    size_t length = 0;

    assert_int_equal(store_list(store, &query, &listing), CTR_OK);
    for (size_t i = 0; i < listing->count; i++) {
        const struct list_row *row = &listing->rows[i];
        struct text id = query.level == LEVEL_PAGE ? row->place.page : row->place.box;

        length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s", i == 0 ? "" : " ",
                                   (int)id.length, id.bytes);
    }
    assert_string_equal(text, wanted);
    listing_free(listing);
}

static struct store *store_to_list(void)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    static const struct {
        const char *page;
        int views, clicks;
    } pages[] = {{"d", 4, 2}, {"ab", 2, 2}, {"a", 2, 1}, {"c", 0, 3}, {"abc", 2, 1}, {"b", 10, 1}};

    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        for (int n = 0; n < pages[i].views; n++) {
            view(store, 0, BEGIN_MS, pages[i].page, NULL);
        }
        for (int n = 0; n < pages[i].clicks; n++) {
            click(store, 0, BEGIN_MS, pages[i].page, NULL);
        }
    }
    view(store, 0, BEGIN_MS, "only boxes", "y");
    view(store, 0, BEGIN_MS, "only boxes", "x");
    view(store, 0, BEGIN_MS, "only boxes", "x");
    settle_at(store, BEGIN_MS + 1000);
    return store;
}

static void lists_are_sorted_with_ids_ascending_between_equals(void **state)
{
    struct store *store = store_to_list();
    struct list_query query = {.level = LEVEL_PAGE, .limit = 100};

    (void)state;
    query.sort = LIST_BY_ID;
    assert_list(store, query, "a ab abc b c d");
    query.sort = LIST_BY_IMPRESSIONS;
    assert_list(store, query, "b d a ab abc c");
    query.sort = LIST_BY_CLICKS;
    assert_list(store, query, "c ab d a abc b");
    query.sort = LIST_BY_CTR; /* a ratio of nothing stands last */
    assert_list(store, query, "ab a abc d b c");
    store_free(store);
}

static void a_list_is_cut_and_filtered_and_says_how_many_match(void **state)
{
    struct store *store = store_to_list();
    struct list_query query = {.level = LEVEL_PAGE, .limit = 2, .sort = LIST_BY_CTR};
    struct listing *listing = NULL;

    (void)state;
    assert_list(store, query, "ab a");
    query.impressions_min = 3;
    assert_list(store, query, "d b");
    query.limit = 1;
    assert_list(store, query, "d");
    assert_int_equal(store_list(store, &query, &listing), CTR_OK);
    assert_int_equal(listing->total, 2);
    assert_int_equal(listing->count, 1);
    assert_int_equal(listing->reading.progress.to_ms, BEGIN_MS + 1000);
    listing_free(listing);
    store_free(store);
}

static void the_boxes_of_a_page_are_those_seen_on_it(void **state)
{
    struct store *store = store_to_list();
    struct list_query query = {.level = LEVEL_PLACEMENT,
                               .page = as_text("only boxes"),
                               .limit = 100,
                               .sort = LIST_BY_IMPRESSIONS};

    (void)state;
    assert_list(store, query, "x y");
    query.page = as_text("a");
    assert_list(store, query, "");
    query.page = as_text("nobody");
    assert_list(store, query, "");
    query.level = LEVEL_BOX;
    assert_list(store, query, "x y");
    store_free(store);
}

static void ids_may_hold_any_byte_and_be_as_long_as_allowed(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    char longest[EVENT_ID_BYTES_MAX];
    struct event event = {.type = EVENT_VIEW, .ts_ms = BEGIN_MS};
    struct list_query query = {.level = LEVEL_PAGE, .limit = 5, .sort = LIST_BY_ID};
    struct listing *listing = NULL;

    (void)state;
    memset(longest, 'z', sizeof longest);
    event.page = (struct text){.bytes = longest, .length = sizeof longest};
    event.box = event.page;
    assert_int_equal(store_record_event(store, 0, 0, BEGIN_MS, BEGIN_MS, &event), CTR_OK);
    event.page = (struct text){.bytes = "a\0b", .length = 3};
    event.box = (struct text){0};
    assert_int_equal(store_record_event(store, 0, 1, BEGIN_MS, BEGIN_MS, &event), CTR_OK);
    settle_at(store, BEGIN_MS + 1000);
    assert_int_equal(store_list(store, &query, &listing), CTR_OK);
    assert_int_equal(listing->count, 1);
    assert_int_equal(listing->rows[0].place.page.length, 3);
    assert_memory_equal(listing->rows[0].place.page.bytes, "a\0b", 3);
    listing_free(listing);
    store_free(store);
}

/* ---- readers beside the writer ------------------------------------------------------------- */

enum { SEEN_TOGETHER = 300, MOVES = 400 };

struct reader {
    const struct store *store;
    atomic_bool stop;
    unsigned reads, torn;
};

/* Every page has as many views as the first, at any one moment. */
static void *read_until_told(void *argument)
{
    struct reader *reader = argument;
    static char ids[SEEN_TOGETHER][8];
    static struct key_name names[SEEN_TOGETHER];
    static struct figures figures[SEEN_TOGETHER];

    for (int i = 0; i < SEEN_TOGETHER; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%d", i);
        names[i] = (struct key_name){.page = as_text(ids[i])};
    }
    do {
        struct reading reading;

        store_read(reader->store, 0, names, SEEN_TOGETHER, figures, &reading);
        for (int i = 1; i < SEEN_TOGETHER; i++) {
            reader->torn += figures[i].totals.impressions != figures[0].totals.impressions ? 1 : 0;
        }
        reader->reads++;
    } while (!atomic_load(&reader->stop));
    return NULL;
}

static void a_read_of_many_keys_is_of_one_moment(void **state)
{
    struct store_options options = fixture_options("5s");
    struct store *store = NULL;
    struct reader reader = {.reads = 0};
    pthread_t thread;
    struct store_status status;

    (void)state;
    options.held_max = 100000;
    store = fixture_store(&options, 1);
    reader.store = store;
    assert_int_equal(pthread_create(&thread, NULL, read_until_told, &reader), 0);
    for (int64_t move = 0; move < MOVES; move++) {
        for (int i = 0; i < SEEN_TOGETHER; i++) {
            char id[8];

            (void)snprintf(id, sizeof id, "%d", i);
            view(store, 0, BEGIN_MS + move * 700, id, move % 2 == 0 ? NULL : "box");
        }
        settle_at(store, BEGIN_MS + move * 700);
        assert_int_equal(store_status_read(store, &status), CTR_OK);
        store_status_done(&status);
    }
    atomic_store(&reader.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(reader.torn, 0);
    assert_true(reader.reads > 0);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_sorted_with_ids_ascending_between_equals),
        cmocka_unit_test(a_list_is_cut_and_filtered_and_says_how_many_match),
        cmocka_unit_test(the_boxes_of_a_page_are_those_seen_on_it),
        cmocka_unit_test(ids_may_hold_any_byte_and_be_as_long_as_allowed),
        cmocka_unit_test(a_read_of_many_keys_is_of_one_moment),
    };

    return cmocka_run_group_tests_name("storage/store: readers", tests, NULL, NULL);
}

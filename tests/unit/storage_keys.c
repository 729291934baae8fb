/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and keys together, since a key is made of names.
 */
#include "storage/keys.h"

#include "storage/moment.h"
#include "storage_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const uint64_t secret[HASH_SECRET_WORDS] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

struct tables {
    struct names names;
    struct keys keys;
};

static struct tables make(uint32_t limit)
{
    struct tables tables;

    assert_int_equal(names_init(&tables.names, secret), CTR_OK);
    assert_int_equal(
        keys_init(&tables.keys,
                  &(struct keys_shape){.windows = 2, .people_windows = 1, .limit = limit}),
        CTR_OK);
    return tables;
}

static void drop(struct tables *tables)
{
    keys_done(&tables->keys);
    names_done(&tables->names);
}

static struct name *take(struct tables *tables, const char *text)
{
    struct name *name = NULL;

    if (text != NULL) {
        assert_int_equal(names_take(&tables->names, as_text(text), &name), CTR_OK);
    }
    return name;
}

static uint32_t add(struct tables *tables, enum level level, const char *page, const char *box)
{
    assert_int_equal(keys_reserve(&tables->keys), CTR_OK);
    return keys_add(&tables->keys, level, take(tables, page), take(tables, box), KEY_NONE);
}

static void take_away(struct tables *tables, uint32_t kid)
{
    struct key *key = keys_at(&tables->keys, kid);
    struct name *page = key->page;
    struct name *box = key->box;

    keys_remove(&tables->keys, kid);
    names_give(&tables->names, page);
    names_give(&tables->names, box);
}

static uint32_t find_text(struct tables *tables, const char *page, const char *box)
{
    struct key_name name = {.page = as_text(page), .box = as_text(box)};

    return keys_find_text(&tables->keys, &name,
                          page == NULL ? 0 : hash_id(secret, page, strlen(page)),
                          box == NULL ? 0 : hash_id(secret, box, strlen(box)));
}

/* ---- names --------------------------------------------------------------------------------- */

static void equal_bytes_are_one_name_until_the_last_user_gives_it_back(void **state)
{
    struct tables tables = make(10);
    struct name *first = take(&tables, "same");
    struct name *second = take(&tables, "same");
    struct name *other = take(&tables, "other");

    (void)state;
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, other);
    assert_int_equal(tables.names.count, 2);
    names_give(&tables.names, first);
    assert_int_equal(tables.names.count, 2);
    names_give(&tables.names, second);
    names_give(&tables.names, other);
    names_give(&tables.names, NULL);
    assert_int_equal(tables.names.count, 0);
    assert_int_equal(tables.names.bytes, 0);
    drop(&tables);
}

static void names_are_found_after_many_came_and_went(void **state)
{
    enum { MANY = 20000 };
    static struct name *names[MANY];
    struct tables tables = make(10);
    char text[16];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        names[i] = take(&tables, text);
    }
    for (int i = 0; i < MANY; i += 3) {
        names_give(&tables.names, names[i]);
        names[i] = NULL;
    }
    for (int i = 0; i < MANY; i++) {
        struct name *again = NULL;

        (void)snprintf(text, sizeof text, "%d", i);
        again = take(&tables, text);
        assert_true(names[i] == NULL || names[i] == again);
        assert_int_equal(again->users, names[i] == NULL ? 1 : 2);
        assert_memory_equal(again->bytes, text, again->length);
    }
    assert_int_equal(tables.names.count, MANY);
    drop(&tables);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static void the_site_is_there_from_the_start(void **state)
{
    struct tables tables = make(10);

    (void)state;
    assert_int_equal(find_text(&tables, NULL, NULL), keys_reserved(LEVEL_SITE));
    assert_int_equal(tables.keys.count[LEVEL_SITE], 1);
    assert_int_equal(tables.keys.next_kid, LEVEL_COUNT);
    drop(&tables);
}

static void keys_are_found_by_text_and_by_name_at_their_level(void **state)
{
    struct tables tables = make(10);
    uint32_t page = add(&tables, LEVEL_PAGE, "x", NULL);
    uint32_t box = add(&tables, LEVEL_BOX, NULL, "x");
    uint32_t placement = add(&tables, LEVEL_PLACEMENT, "x", "x");
    struct name *name = take(&tables, "x");

    (void)state;
    assert_int_equal(find_text(&tables, "x", NULL), page);
    assert_int_equal(find_text(&tables, NULL, "x"), box);
    assert_int_equal(find_text(&tables, "x", "x"), placement);
    assert_int_equal(keys_find(&tables.keys, LEVEL_PAGE, name, NULL), page);
    assert_int_equal(keys_find(&tables.keys, LEVEL_BOX, NULL, name), box);
    assert_int_equal(keys_find(&tables.keys, LEVEL_PLACEMENT, name, name), placement);
    assert_true(find_text(&tables, "y", NULL) == KEY_NONE);
    assert_true(find_text(&tables, "x", "y") == KEY_NONE);
    take_away(&tables, box);
    assert_true(find_text(&tables, NULL, "x") == KEY_NONE);
    assert_true(keys_find(&tables.keys, LEVEL_BOX, NULL, name) == KEY_NONE);
    assert_int_equal(find_text(&tables, "x", "x"), placement);
    drop(&tables);
}

static void a_new_key_has_no_totals_of_the_one_before(void **state)
{
    struct tables tables = make(10);
    uint32_t kid = add(&tables, LEVEL_PAGE, "a", NULL);

    (void)state;
    keys_totals(&tables.keys, kid)[1] = (struct totals){7, 8};
    keys_at(&tables.keys, kid)->marks[0].list = 99;
    keys_at(&tables.keys, kid)->told.block = 99;
    keys_note_short(&tables.keys, kid, 99);
    take_away(&tables, kid);
    assert_int_equal(add(&tables, LEVEL_PAGE, "b", NULL), kid);
    assert_int_equal(keys_totals(&tables.keys, kid)[1].impressions, 0);
    assert_int_equal(keys_totals(&tables.keys, kid)[1].clicks, 0);
    assert_int_equal(keys_at(&tables.keys, kid)->marks[0].list, 0);
    assert_int_equal(keys_at(&tables.keys, kid)->told.block, 0);
    assert_true(*keys_short_s(&tables.keys, kid) == MOMENT_NONE);
    assert_true(keys_at(&tables.keys, kid)->unsaved);
    drop(&tables);
}

static void the_index_holds_after_many_removals(void **state)
{
    enum { MANY = 6000 };
    static uint32_t kids[MANY];
    struct tables tables = make(MANY);
    char text[16];

    (void)state;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < MANY; i++) {
            (void)snprintf(text, sizeof text, "%d", i);
            if (find_text(&tables, text, "b") == KEY_NONE) {
                kids[i] = add(&tables, LEVEL_PLACEMENT, text, "b");
            }
        }
        assert_true(keys_full(&tables.keys));
        for (int i = round; i < MANY; i += 3 + round) {
            take_away(&tables, kids[i]);
            kids[i] = KEY_NONE;
        }
        assert_false(keys_full(&tables.keys));
        for (int i = 0; i < MANY; i++) {
            (void)snprintf(text, sizeof text, "%d", i);
            assert_true(find_text(&tables, text, "b") == kids[i]);
        }
    }
    assert_true(tables.keys.next_kid <= MANY + LEVEL_COUNT);
    drop(&tables);
}

/* The placements of a page, in whatever order, as a sum of kids; -1 when a link is wrong. */
static int64_t walk(const struct tables *tables, const struct name *page)
{
    int64_t sum = 0;
    uint32_t before = KEY_NONE;

    for (uint32_t kid = page->placements; kid != KEY_NONE;
         kid = keys_links(&tables->keys, kid)->of_page.next) {
        if (keys_links(&tables->keys, kid)->of_page.prev != before) {
            return -1;
        }
        sum += kid;
        before = kid;
    }
    return sum;
}

static void the_placements_of_a_page_are_linked(void **state)
{
    struct tables tables = make(10);
    struct name *page = take(&tables, "p");
    uint32_t a = add(&tables, LEVEL_PLACEMENT, "p", "a");
    uint32_t b = add(&tables, LEVEL_PLACEMENT, "p", "b");
    uint32_t c = add(&tables, LEVEL_PLACEMENT, "p", "c");

    (void)state;
    (void)add(&tables, LEVEL_PLACEMENT, "q", "a");
    assert_int_equal(walk(&tables, page), a + b + c);
    take_away(&tables, b); /* from the middle */
    assert_int_equal(walk(&tables, page), a + c);
    take_away(&tables, c); /* the first */
    assert_int_equal(walk(&tables, page), a);
    take_away(&tables, a); /* the only one */
    assert_int_equal(walk(&tables, page), 0);
    assert_true(page->placements == KEY_NONE);
    drop(&tables);
}

static void the_limit_counts_pages_boxes_and_placements(void **state)
{
    struct tables tables = make(3);
    uint32_t page = 0;

    (void)state;
    page = add(&tables, LEVEL_PAGE, "a", NULL);
    (void)add(&tables, LEVEL_BOX, NULL, "b");
    assert_false(keys_full(&tables.keys));
    (void)add(&tables, LEVEL_PLACEMENT, "a", "b");
    assert_true(keys_full(&tables.keys));
    take_away(&tables, page);
    assert_false(keys_full(&tables.keys));
    drop(&tables);
    tables = make(0);
    assert_true(keys_full(&tables.keys));
    drop(&tables);
}

static void keys_are_restored_at_their_old_numbers_and_the_holes_are_used(void **state)
{
    struct tables tables;

    (void)state;
    assert_int_equal(names_init(&tables.names, secret), CTR_OK);
    assert_int_equal(
        keys_init(&tables.keys, &(struct keys_shape){.windows = 1, .limit = 5, .kids_min = 3000}),
        CTR_OK);
    assert_int_equal(keys_restore(&tables.keys, 3000, LEVEL_PAGE, take(&tables, "a"), NULL),
                     CTR_OK);
    assert_int_equal(keys_restore(&tables.keys, 6, LEVEL_BOX, NULL, take(&tables, "b")), CTR_OK);
    keys_collect_free(&tables.keys);
    assert_int_equal(find_text(&tables, "a", NULL), 3000);
    assert_int_equal(find_text(&tables, NULL, "b"), 6);
    assert_false(keys_at(&tables.keys, 3000)->unsaved);
    assert_int_equal(add(&tables, LEVEL_PAGE, "c", NULL), LEVEL_COUNT);
    assert_int_equal(add(&tables, LEVEL_PAGE, "d", NULL), LEVEL_COUNT + 1);
    assert_int_equal(add(&tables, LEVEL_PAGE, "e", NULL), 7);
    assert_true(keys_full(&tables.keys));
    assert_true(keys_bytes(&tables.keys) > 0);
    drop(&tables);
}

static void a_limit_at_the_edge_of_a_chunk_has_room(void **state)
{
    (void)state;
    for (uint32_t limit = KEYS_PER_CHUNK - LEVEL_COUNT - 1;
         limit <= KEYS_PER_CHUNK - LEVEL_COUNT + 1; limit++) {
        struct tables tables = make(limit);
        char text[16];

        for (uint32_t i = 0; !keys_full(&tables.keys); i++) {
            (void)snprintf(text, sizeof text, "%u", i);
            (void)add(&tables, LEVEL_PAGE, text, NULL);
        }
        assert_int_equal(tables.keys.count[LEVEL_PAGE], limit);
        drop(&tables);
    }
}

/* Every number of every key, by key: none stands in the place of another one. */
static void keys_have_numbers_of_their_own(void **state)
{
    enum { KEYS = 2 * KEYS_PER_CHUNK };
    struct tables tables = make(KEYS);
    char text[16];

    (void)state;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        (void)add(&tables, LEVEL_PAGE, text, NULL);
    }
    for (uint32_t kid = LEVEL_COUNT; kid < tables.keys.next_kid; kid++) {
        keys_at(&tables.keys, kid)->cells = kid;
        for (size_t w = 0; w < tables.keys.windows; w++) {
            keys_totals(&tables.keys, kid)[w] = (struct totals){kid, kid + w};
        }
        for (size_t w = 0; w < tables.keys.people_windows; w++) {
            keys_crowds(&tables.keys, kid)[w] = (struct crowd){kid, kid + 1, kid + 2};
        }
        keys_note_short(&tables.keys, kid, kid);
        keys_note_short(&tables.keys, kid, kid - 1); /* the newest is what is kept */
        keys_links(&tables.keys, kid)->of_box.prev = kid;
    }
    for (uint32_t kid = LEVEL_COUNT; kid < tables.keys.next_kid; kid++) {
        assert_int_equal(keys_at(&tables.keys, kid)->cells, kid);
        for (size_t w = 0; w < tables.keys.windows; w++) {
            assert_int_equal(keys_totals(&tables.keys, kid)[w].impressions, kid);
            assert_int_equal(keys_totals(&tables.keys, kid)[w].clicks, kid + w);
        }
        for (size_t w = 0; w < tables.keys.people_windows; w++) {
            assert_int_equal(keys_crowds(&tables.keys, kid)[w].viewers, kid);
            assert_int_equal(keys_crowds(&tables.keys, kid)[w].clicking, kid + 2);
        }
        assert_int_equal(*keys_short_s(&tables.keys, kid), kid);
        assert_int_equal(keys_links(&tables.keys, kid)->of_box.prev, kid);
    }
    drop(&tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bytes_are_one_name_until_the_last_user_gives_it_back),
        cmocka_unit_test(names_are_found_after_many_came_and_went),
        cmocka_unit_test(the_site_is_there_from_the_start),
        cmocka_unit_test(keys_are_found_by_text_and_by_name_at_their_level),
        cmocka_unit_test(a_new_key_has_no_totals_of_the_one_before),
        cmocka_unit_test(the_index_holds_after_many_removals),
        cmocka_unit_test(the_placements_of_a_page_are_linked),
        cmocka_unit_test(the_limit_counts_pages_boxes_and_placements),
        cmocka_unit_test(keys_are_restored_at_their_old_numbers_and_the_holes_are_used),
        cmocka_unit_test(a_limit_at_the_edge_of_a_chunk_has_room),
        cmocka_unit_test(keys_have_numbers_of_their_own),
    };

    return cmocka_run_group_tests_name("storage/keys and storage/names", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>

#include "api/list_kept.h"
#include "tests/unit/api_fixture.h"

static struct text bytes_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

static struct picture picture_now(const struct store *store)
{
    struct progress progress = store_progress(store);

    return picture_of(store, &progress);
}

/* NULL: nothing is expected to be there. */
static void expect(const struct picture *picture, const char *target, const char *wanted)
{
    const struct list_kept *kept = list_kept_take(picture, target);

    if (wanted == NULL) {
        assert_null(kept);
        return;
    }
    assert_non_null(kept);
    assert_int_equal(list_kept_bytes(kept).length, strlen(wanted));
    assert_memory_equal(list_kept_bytes(kept).bytes, wanted, strlen(wanted));
    list_kept_give(kept);
}

static void test_keeps(void **state)
{
    struct fixture first;
    struct fixture second;
    struct picture picture;
    struct picture other;
    struct picture later;

    (void)state;
    fixture_start(&first, 100);
    fixture_start(&second, 100);
    fixture_events(&first, 3, 1, "/a", "b");
    fixture_publish(&first);
    picture = picture_now(first.store);
    other = picture;
    other.store = picture_now(second.store).store;
    assert_int_not_equal(other.store, picture.store);
    expect(&picture, "/v1/top", NULL);
    list_kept_put(&picture, "/v1/top", bytes_of("one"));
    list_kept_put(&picture, "/v1/top?limit=2", bytes_of("two"));
    list_kept_put(&picture, "/v1/top", bytes_of("again")); /* is there already */
    expect(&picture, "/v1/top", "one");
    expect(&picture, "/v1/top?limit=2", "two");
    expect(&picture, "/v1/top?limit=3", NULL);
    expect(&other, "/v1/top", NULL);
    later = picture;
    later.covered_from_ms++;
    expect(&later, "/v1/top", NULL);
    later = picture;
    later.revision++;
    expect(&later, "/v1/top", NULL);
    list_kept_put(&later, "/v1/top", bytes_of("three"));
    expect(&later, "/v1/top", "three");
    expect(&picture, "/v1/top?limit=2", NULL); /* made room */
    fixture_done(&first);
    fixture_done(&second);
}

/* What is in use outlives its place. */
static void test_bounds(void **state)
{
    enum { LARGE = LIST_KEPT_ONE_BYTES - 100000, MANY = 3 * LIST_KEPT_MAX };
    struct fixture fixture;
    struct picture picture;
    const struct list_kept *held;
    char *large = calloc(1, LIST_KEPT_ONE_BYTES + 1);
    char target[32];

    (void)state;
    assert_non_null(large);
    fixture_start(&fixture, 100);
    picture = picture_now(fixture.store);
    list_kept_put(&picture, "/huge", (struct text){large, LIST_KEPT_ONE_BYTES + 1});
    expect(&picture, "/huge", NULL);
    list_kept_put(&picture, "/first", bytes_of("first"));
    held = list_kept_take(&picture, "/first");
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(target, sizeof target, "/%d", i);
        list_kept_put(&picture, target, bytes_of(target));
    }
    expect(&picture, "/first", NULL);
    assert_memory_equal(list_kept_bytes(held).bytes, "first", 5);
    list_kept_give(held);
    (void)snprintf(target, sizeof target, "/%d", MANY - LIST_KEPT_MAX);
    expect(&picture, target, target); /* and is now the newest */
    list_kept_put(&picture, "/more", bytes_of("more"));
    expect(&picture, target, target);
    (void)snprintf(target, sizeof target, "/%d", MANY - LIST_KEPT_MAX + 1);
    expect(&picture, target, NULL);
    for (int i = 0; i < 5; i++) { /* four and a bit fit */
        (void)snprintf(target, sizeof target, "/large/%d", i);
        list_kept_put(&picture, target, (struct text){large, LARGE});
    }
    expect(&picture, "/more", NULL);
    expect(&picture, "/large/0", NULL);
    assert_non_null(held = list_kept_take(&picture, "/large/4"));
    list_kept_give(held);
    free(large);
    fixture_done(&fixture);
}

/* The bytes of an answer, NUL-terminated; ends it. */
static char *body_of(struct api_response response)
{
    char *body = calloc(1, response.body_length + 1);

    assert_int_equal(response.status, 200);
    assert_non_null(body);
    memcpy(body, response.body, response.body_length);
    api_response_done(&response);
    return body;
}

/* Asked again, and by another spelling that finds nothing kept: the same bytes. And new ones once
 * the picture is another. */
static void test_answers(void **state)
{
    static const char *const targets[][2] = {
        {"/v1/top?limit=3&level=box", "/v1/top?level=box&limit=3"},
        {"/v1/top?by=rise&limit=3", "/v1/top?limit=3&by=rise"},
        {"/v1/pages?limit=1&window=10m", "/v1/pages?window=10m&limit=1"},
        {"/v1/boxes?page=/a&limit=7", "/v1/boxes?limit=7&page=/a"}};
    struct fixture fixture;

    (void)state;
    fixture_start_windows(&fixture, 100, "1m,10m,20m");
    for (int round = 0; round < 3; round++) {
        fixture_events(&fixture, 30 + round, 2, "/a", "b");
        fixture_events(&fixture, 9, 2 + round, "/b", "c");
        fixture_event(&fixture, EVENT_VIEW, "/b", NULL);
        fixture_publish(&fixture);
        fixture.ts_ms += 1000;
        for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
            char *first = body_of(fixture_get(&fixture, targets[i][0]));
            char *again = body_of(fixture_get(&fixture, targets[i][0]));
            char *other = body_of(fixture_get(&fixture, targets[i][1]));
            struct picture picture = picture_now(fixture.store);
            const struct list_kept *kept = list_kept_take(&picture, targets[i][0]);

            assert_non_null(kept);
            assert_non_null(strstr(first, "\"items\":["));
            assert_string_equal(first, again);
            assert_string_equal(first, other);
            list_kept_give(kept);
            free(first);
            free(again);
            free(other);
        }
    }
    fixture_done(&fixture);
}

struct user {
    bool wrong;
};

/* Puts, takes and looks at what it took while others push it out. */
static void *use(void *owner)
{
    struct user *user = owner;

    for (unsigned i = 0; i < 20000; i++) {
        struct picture picture = {.store = UINT64_MAX, .revision = 1 + i / 1000};
        const struct list_kept *kept;
        char target[16];

        (void)snprintf(target, sizeof target, "/%u", i * 7 % 61);
        list_kept_put(&picture, target, bytes_of(target));
        kept = list_kept_take(&picture, target);
        if (kept != NULL)
            user->wrong = user->wrong || memcmp(list_kept_bytes(kept).bytes, target,
                                                list_kept_bytes(kept).length) != 0;
        list_kept_give(kept);
    }
    return NULL;
}

static void test_threads(void **state)
{
    enum { USERS = 4 };
    struct user users[USERS];
    pthread_t threads[USERS];

    (void)state;
    for (int i = 0; i < USERS; i++) {
        users[i] = (struct user){.wrong = false};
        assert_int_equal(pthread_create(&threads[i], NULL, use, &users[i]), 0);
    }
    for (int i = 0; i < USERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(users[i].wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

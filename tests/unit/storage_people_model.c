/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of people against a map that knows every time: limits, reach that moves on, copies that
 * are loaded again, visitors with few keys and with many.
 */
#include "tests/support/people_model.h"

enum { EVENTS = 4000 };

static struct people people;
static struct model model;
static struct people_hint hints[MODEL_VISITORS]; /* of some time ago */

/* Through words and back, as an image does, with what a start counts anew. */
static void reload(void)
{
    static struct people loaded;
    static struct people fresh;
    uint32_t *newest = calloc(people.newest_count, sizeof *newest);

    assert_non_null(newest);
    assert_int_equal(people_init(&loaded, 0, UINT64_MAX), CTR_OK);
    assert_int_equal(people_init(&fresh, MODEL_SPAN_S, model.limit), CTR_OK);
    for (size_t part = 0; part < PEOPLE_PARTS; part++) {
        size_t most = people_part_words(&people, part);
        uint32_t *words = malloc(most * sizeof *words + 1);
        size_t count = 0;

        assert_non_null(words);
        count = people_copy_part(&people, part, words);
        assert_true(count <= most);
        assert_int_equal(people_load_part(&loaded, part, words, count), CTR_OK);
        free(words);
    }
    people_set_reach(&fresh, people.reach_s);
    people_adopt(&fresh, &loaded);
    people_done(&loaded);
    for (uint32_t s = 0; s < people.newest_count; s++) {
        newest[s] = *newest_at(&people, people.reach_s + s);
    }
    people_count(&fresh, people.live, newest);
    free(newest);
    people_done(&people);
    people = fresh;
    memset(&fresh, 0, sizeof fresh);
    memset(hints, 0, sizeof hints);
}

static void play_event(struct dice *dice, int64_t now_s, int talkative)
{
    int visitor = dice_percent(dice, talkative) ? 0 : (int)dice_below(dice, MODEL_VISITORS);
    size_t kids = visitor == 0 ? MODEL_KIDS : MODEL_FEW_KIDS;
    size_t count = 1 + dice_below(dice, PEOPLE_AT_ONCE);
    bool click = dice_percent(dice, 35);
    int64_t second_s = dice_percent(dice, 20) ? dice_between(dice, model.reach_s, now_s) : now_s;

    if (dice_percent(dice, 50)) {
        int other = (int)dice_below(dice, MODEL_VISITORS);

        hints[other] = people_look(&people, model_visitor(other));
    }
    assert_int_equal(people_reserve(&people, model_visitor(visitor), &hints[visitor], count),
                     CTR_OK);
    for (size_t i = 0; i < count; i++) {
        model_touch(dice, &model, &people, visitor, i == 0 ? 0 : (int)dice_below(dice, kids), click,
                    second_s);
    }
}

static void play(struct dice *dice)
{
    int64_t now_s =
        dice_percent(dice, 30) ? INT64_C(4294965000) : dice_between(dice, 0, INT64_C(253402200000));
    int talkative = dice_percent(dice, 50) ? 50 : 2;
    int64_t slowly = dice_percent(dice, 50) ? 3 : 40;

    model_begin(&model, now_s - MODEL_SPAN_S,
                dice_percent(dice, 50) ? 1000000 : (uint64_t)dice_between(dice, 20, 400));
    assert_int_equal(people_init(&people, MODEL_SPAN_S, model.limit), CTR_OK);
    memset(hints, 0, sizeof hints);
    people_set_reach(&people, model.reach_s);
    for (int e = 0; e < EVENTS; e++) {
        play_event(dice, now_s, talkative);
        if (dice_percent(dice, 20)) {
            now_s += dice_percent(dice, 1)   ? dice_between(dice, 600, 400000)
                     : dice_percent(dice, 3) ? dice_between(dice, 300, 700)
                                             : dice_between(dice, 1, slowly);
            model.reach_s = now_s - MODEL_SPAN_S;
            people_set_reach(&people, model.reach_s);
        }
        if (dice_percent(dice, 1)) {
            model_check(dice, &model, &people);
            model_check_walk(dice, &model, &people);
        }
        if (e % (EVENTS / 4) == 0 && dice_percent(dice, 40)) {
            reload();
        }
    }
    model_check(dice, &model, &people);
    people_done(&people);
}

static void random_histories_agree_with_a_map_of_last_times(void **state)
{
    (void)state;
    dice_play(play, 60, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_agree_with_a_map_of_last_times),
    };

    return cmocka_run_group_tests_name("storage/people_model", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "service/replay_map.h"

enum { COLUMNS_MAX = 8 };

static struct text text_of(const char *string)
{
    return (struct text){.bytes = string, .length = strlen(string)};
}

static struct csv_row row_of(struct text fields[COLUMNS_MAX], uint64_t line,
                             const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fields[i] = text_of(names[i]);
    }
    return (struct csv_row){.line = line, .fields = fields, .count = count};
}

/* ts=when, page=where, and what the test adds; columns when, where, what, who, hit. */
static struct replay_columns bind(struct replay_map *map)
{
    static const char *const names[] = {"when", "where", "what", "who", "hit"};
    struct text fields[COLUMNS_MAX];
    struct csv_row header = row_of(fields, 1, names, 5);
    struct replay_columns columns;

    assert_int_equal(replay_map_add(map, "ts=when", false, NULL), CTR_OK);
    assert_int_equal(replay_map_add(map, "page=where", false, NULL), CTR_OK);
    assert_int_equal(replay_map_check(map, NULL), CTR_OK);
    assert_int_equal(replay_map_bind(map, &header, &columns, NULL), CTR_OK);
    return columns;
}

static void assert_text(struct text text, const char *expected)
{
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.bytes, expected, text.length);
}

static void a_mapping_that_says_nothing_is_refused_with_the_way_out(void **state)
{
    static const struct {
        const char *pair;
        bool constant;
        const char *said;
    } cases[] = {
        {"ts", false, "write --map FIELD=COLUMN"},
        {"ts=", false, "write --map FIELD=COLUMN"},
        {"page=", true, "write --set FIELD=VALUE"},
        {"time=when", false, "the fields of an event are type, ts, page, box, visitor, id"},
        {"ts=5", true, "every event needs its own \"ts\""},
        {"id=5", true, "every event needs its own \"id\""},
        {"type=impression", true, "a type is view or click"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct replay_map map = {0};
        struct ctr_error problem = {0};

        assert_int_equal(replay_map_add(&map, cases[i].pair, cases[i].constant, &problem),
                         CTR_INVALID);
        assert_non_null(strstr(problem.text, cases[i].said));
    }
}

static void a_field_given_twice_is_refused(void **state)
{
    struct replay_map map = {0};

    (void)state;
    assert_int_equal(replay_map_add(&map, "page=where", false, NULL), CTR_OK);
    assert_int_equal(replay_map_add(&map, "page=there", false, NULL), CTR_INVALID);
    assert_int_equal(replay_map_add(&map, "page=/x", true, NULL), CTR_INVALID);
    assert_int_equal(replay_map_add(&map, "box=b", true, NULL), CTR_OK);
    assert_int_equal(replay_map_add(&map, "box=what", false, NULL), CTR_INVALID);
}

static void a_map_must_say_what_when_and_where(void **state)
{
    struct replay_map map = {0};
    struct ctr_error problem;

    (void)state;
    assert_int_equal(replay_map_check(&map, &problem), CTR_INVALID);
    assert_non_null(strstr(problem.text, "--set type=view"));
    assert_int_equal(replay_map_add(&map, "type=view", true, NULL), CTR_OK);
    assert_int_equal(replay_map_check(&map, &problem), CTR_INVALID);
    assert_non_null(strstr(problem.text, "--map ts=COLUMN"));
    assert_int_equal(replay_map_add(&map, "ts=when", false, NULL), CTR_OK);
    assert_int_equal(replay_map_check(&map, &problem), CTR_INVALID);
    assert_non_null(strstr(problem.text, "--map page=COLUMN"));
    assert_int_equal(replay_map_add(&map, "page=/x", true, NULL), CTR_OK);
    assert_int_equal(replay_map_check(&map, &problem), CTR_OK);
}

static void rows_that_mean_clicks_are_views_and_nothing_else(void **state)
{
    struct replay_map map = {0};

    (void)state;
    assert_int_equal(replay_map_click(&map, "hit", NULL), CTR_INVALID);
    assert_int_equal(replay_map_click(&map, "=1", NULL), CTR_INVALID);
    assert_int_equal(replay_map_click(&map, "hit=1", NULL), CTR_OK);
    assert_int_equal(replay_map_add(&map, "ts=when", false, NULL), CTR_OK);
    assert_int_equal(replay_map_add(&map, "page=where", false, NULL), CTR_OK);
    map.constants[REPLAY_TYPE] = "click";
    assert_int_equal(replay_map_check(&map, NULL), CTR_INVALID);
    map.constants[REPLAY_TYPE] = NULL;
    map.columns[REPLAY_TYPE] = "what";
    assert_int_equal(replay_map_check(&map, NULL), CTR_INVALID);
    map.columns[REPLAY_TYPE] = NULL;
    assert_int_equal(replay_map_check(&map, NULL), CTR_OK);
    assert_string_equal(map.constants[REPLAY_TYPE], "view");
}

static void a_missing_column_names_its_neighbour_and_all_there_are(void **state)
{
    static const char *const names[] = {"timestamp", "campaign"};
    struct text fields[COLUMNS_MAX];
    struct csv_row header = row_of(fields, 1, names, 2);
    struct replay_map map = {0};
    struct replay_columns columns;
    struct ctr_error problem;

    (void)state;
    assert_int_equal(replay_map_add(&map, "ts=timestmp", false, NULL), CTR_OK);
    assert_int_equal(replay_map_bind(&map, &header, &columns, &problem), CTR_INVALID);
    assert_non_null(strstr(problem.text, "no column \"timestmp\"; did you mean \"timestamp\"?"));
    assert_non_null(strstr(problem.text, "(there are: timestamp, campaign)"));
    map.columns[REPLAY_TS] = "timestamp";
    assert_int_equal(replay_map_click(&map, "clicked=1", NULL), CTR_OK);
    assert_int_equal(replay_map_bind(&map, &header, &columns, &problem), CTR_INVALID);
    assert_non_null(strstr(problem.text, "no column \"clicked\""));
}

static void a_row_becomes_a_view_with_an_id_from_file_and_line(void **state)
{
    static const char *const row[] = {"2019-11-24T00:01:03.979311+00:00", "men", "", "9e45", "0"};
    struct text fields[COLUMNS_MAX];
    struct csv_row csv_row = row_of(fields, 12, row, 5);
    struct replay_map map = {0};
    struct replay_columns columns;
    struct replay_row result;

    (void)state;
    assert_int_equal(replay_map_add(&map, "visitor=who", false, NULL), CTR_OK);
    assert_int_equal(replay_map_add(&map, "box=b 1", true, NULL), CTR_OK);
    assert_int_equal(replay_map_click(&map, "hit=1", NULL), CTR_OK);
    columns = bind(&map);
    assert_int_equal(replay_map_read(&columns, &csv_row, "men.csv", &result, NULL), CTR_OK);
    assert_int_equal(result.view.type, EVENT_VIEW);
    assert_int_equal(result.view.ts_ms, INT64_C(1574553663979));
    assert_text(result.view.page, "men");
    assert_text(result.view.box, "b 1");
    assert_text(result.view.visitor, "9e45");
    assert_text(result.view.id, "men.csv:12:v");
    assert_false(result.has_click);
}

static void a_clicked_row_means_a_click_that_much_later(void **state)
{
    static const char *const row[] = {"1000", "men", "id 7", "", "1"};
    struct text fields[COLUMNS_MAX];
    struct csv_row csv_row = row_of(fields, 2, row, 5);
    struct replay_map map = {.click_after_ms = 2000};
    struct replay_columns columns;
    struct replay_row result;

    (void)state;
    assert_int_equal(replay_map_click(&map, "hit=1", NULL), CTR_OK);
    columns = bind(&map);
    assert_int_equal(replay_map_read(&columns, &csv_row, "f", &result, NULL), CTR_OK);
    assert_true(result.has_click);
    assert_int_equal(result.view.type, EVENT_VIEW);
    assert_int_equal(result.view.ts_ms, 1000);
    assert_int_equal(result.click.type, EVENT_CLICK);
    assert_int_equal(result.click.ts_ms, 3000);
    assert_text(result.click.page, "men");
    assert_text(result.click.id, "f:2:c");
    columns.fields[REPLAY_ID] = 2; /* as if id=what had been mapped */
    assert_int_equal(replay_map_read(&columns, &csv_row, "f", &result, NULL), CTR_OK);
    assert_text(result.view.id, "id 7");
    assert_text(result.click.id, "id 7:c");
}

static void a_type_column_says_view_or_click(void **state)
{
    static const char *rows[][5] = {{"1", "p", "view", "", ""},
                                    {"1", "p", "click", "", ""},
                                    {"1", "p", "View", "", ""},
                                    {"1", "p", "", "", ""}};
    static const enum ctr_status expected[] = {CTR_OK, CTR_OK, CTR_INVALID, CTR_INVALID};
    struct replay_map map = {0};
    struct replay_columns columns;
    struct replay_row result;

    (void)state;
    assert_int_equal(replay_map_add(&map, "type=what", false, NULL), CTR_OK);
    columns = bind(&map);
    for (size_t i = 0; i < 4; i++) {
        struct text fields[COLUMNS_MAX];
        struct csv_row row = row_of(fields, 2, rows[i], 5);

        assert_int_equal(replay_map_read(&columns, &row, "f", &result, NULL), expected[i]);
        if (i < 2) {
            assert_int_equal(result.view.type, i == 0 ? EVENT_VIEW : EVENT_CLICK);
            assert_text(result.view.id, i == 0 ? "f:2:v" : "f:2:c");
        }
    }
}

static void times_are_epoch_ms_or_rfc_3339_also_with_a_space(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"1574553663979", INT64_C(1574553663979)},
        {"0", 0},
        {"253402300799999", EVENT_TS_MS_MAX},
        {"253402300800000", -1},
        {"99999999999999999999", -1},
        {"2019-11-24T00:01:03.979Z", INT64_C(1574553663979)},
        {"2019-11-24 00:01:03.979311+00:00", INT64_C(1574553663979)},
        {"2019-11-24T01:01:03.979+01:00", INT64_C(1574553663979)},
        {"2019-11-24T00:01:03", -1},
        {"2019-11-24", -1},
        {"", -1},
        {"-5", -1},
        {"12x", -1},
        {"1e3", -1},
        {"2019-11-24T00:01:03.97900000000000000000000000000000000000000000000000000Z", -1},
    };
    struct replay_map map = {.constants = {[REPLAY_TYPE] = "view"}};
    struct replay_columns columns = bind(&map);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const row[] = {cases[i].text, "p", "", "", ""};
        struct text fields[COLUMNS_MAX];
        struct csv_row csv_row = row_of(fields, 2, row, 5);
        struct replay_row result;
        struct ctr_error problem = {0};

        assert_int_equal(replay_map_read(&columns, &csv_row, "f", &result, &problem),
                         cases[i].ms < 0 ? CTR_INVALID : CTR_OK);
        if (cases[i].ms < 0) {
            assert_non_null(strstr(problem.text, "when: \""));
        } else {
            assert_int_equal(result.view.ts_ms, cases[i].ms);
        }
    }
}

static void a_row_of_another_width_than_the_header_is_refused(void **state)
{
    static const char *const row[] = {"1", "p", "", "", "", ""};
    struct replay_map map = {.constants = {[REPLAY_TYPE] = "view"}};
    struct replay_columns columns = bind(&map);
    struct text fields[COLUMNS_MAX];
    struct csv_row wide = row_of(fields, 2, row, 6), narrow = row_of(fields, 2, row, 4);
    struct replay_row result;
    struct ctr_error problem;

    (void)state;
    assert_int_equal(replay_map_read(&columns, &wide, "f", &result, &problem), CTR_INVALID);
    assert_string_equal(problem.text, "6 fields where the header has 5");
    assert_int_equal(replay_map_read(&columns, &narrow, "f", &result, &problem), CTR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapping_that_says_nothing_is_refused_with_the_way_out),
        cmocka_unit_test(a_field_given_twice_is_refused),
        cmocka_unit_test(a_map_must_say_what_when_and_where),
        cmocka_unit_test(rows_that_mean_clicks_are_views_and_nothing_else),
        cmocka_unit_test(a_missing_column_names_its_neighbour_and_all_there_are),
        cmocka_unit_test(a_row_becomes_a_view_with_an_id_from_file_and_line),
        cmocka_unit_test(a_clicked_row_means_a_click_that_much_later),
        cmocka_unit_test(a_type_column_says_view_or_click),
        cmocka_unit_test(times_are_epoch_ms_or_rfc_3339_also_with_a_space),
        cmocka_unit_test(a_row_of_another_width_than_the_header_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

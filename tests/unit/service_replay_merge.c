/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/replay_merge.h"
#include "storage/moment.h"

enum { FILES_MAX = 4, PATH_BYTES = 256, TEXT_BYTES = 65536 };

/* A directory with files of the test, and what merging them said. */
struct fixture {
    char directory[PATH_BYTES];
    char paths[FILES_MAX][2 * PATH_BYTES];
    struct replay_options options;
    char values[TEXT_BYTES];     /* every value and its line end */
    char complaints[TEXT_BYTES]; /* the same of complaints, without the directory */
    struct ctr_error problem;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *parent = getenv("TMPDIR");

    snprintf(fixture->directory, PATH_BYTES, "%s/replay-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(fixture->directory));
    config_defaults(&fixture->options.config);
    fixture->options.separator = ',';
    fixture->options.map.click_after_ms = 2000;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < FILES_MAX; i++) {
        if (fixture->paths[i][0]) {
            unlink(fixture->paths[i]);
        }
    }
    assert_int_equal(rmdir(fixture->directory), 0);
    free(fixture);
    return 0;
}

/* Names a file of the directory; whether it is there is another matter. */
static char *add_path(struct fixture *fixture, const char *name)
{
    size_t index = fixture->options.files_count++;
    char *path = fixture->paths[index];

    size_t length = strlen(fixture->directory);

    memcpy(path, fixture->directory, length);
    path[length] = '/';
    memcpy(path + length + 1, name, strlen(name) + 1);
    fixture->options.files[index] = path;
    return path;
}

static void add_file(struct fixture *fixture, const char *name, const char *bytes)
{
    char *path = add_path(fixture, name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    fputs(bytes, file);
    fclose(file);
}

/* ts=t, page=p, click if c is 1. */
static void use_csv(struct fixture *fixture)
{
    struct replay_map *map = &fixture->options.map;

    fixture->options.csv = true;
    assert_int_equal(replay_map_add(map, "ts=t", false, NULL), CTR_OK);
    assert_int_equal(replay_map_add(map, "page=p", false, NULL), CTR_OK);
    assert_int_equal(replay_map_click(map, "c=1", NULL), CTR_OK);
    assert_int_equal(replay_map_check(map, NULL), CTR_OK);
}

static void complain(void *owner, const char *complaint)
{
    struct fixture *fixture = owner;
    size_t used = strlen(fixture->complaints);
    const char *slash = strrchr(complaint, '/');

    snprintf(fixture->complaints + used, sizeof fixture->complaints - used, "%s\n",
             slash ? slash + 1 : complaint);
}

static enum ctr_status merge(struct fixture *fixture)
{
    struct replay_merge *merge = NULL;
    struct replay_item item;
    size_t used = 0;
    enum ctr_status status =
        replay_merge_open(&fixture->options, complain, fixture, &merge, &fixture->problem);

    while (status == CTR_OK) {
        status = replay_merge_next(merge, &item, &fixture->problem);
        if (status == CTR_OK) {
            used += (size_t)snprintf(fixture->values + used, sizeof fixture->values - used,
                                     "%.*s\n", (int)item.value.length, item.value.bytes);
        }
    }
    replay_merge_close(merge);
    return status;
}

/* The "id" of every value, in order, each followed by a space. */
static void assert_ids(const struct fixture *fixture, const char *expected)
{
    char ids[TEXT_BYTES] = "";
    size_t used = 0;
    const char *at = fixture->values;

    while ((at = strstr(at, "\"id\":\""))) {
        at += strlen("\"id\":\"");
        used +=
            (size_t)snprintf(ids + used, sizeof ids - used, "%.*s ", (int)strcspn(at, "\""), at);
    }
    assert_string_equal(ids, expected);
}

static void ndjson_lines_pass_byte_for_byte(void **state)
{
    static const char bytes[] =
        "{\"page\" : \"\\u0061\", \"type\":\"view\",\"ts\":5, \"x\":[1, 2]}\n"
        " {\"ts\":\"1970-01-01T00:00:00.006Z\",\"type\":\"click\","
        "\"page\":\"\xC3\xBC\"} \n";
    struct fixture *fixture = *state;

    add_file(fixture, "a", bytes);
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_string_equal(fixture->values, bytes);
    assert_string_equal(fixture->complaints, "");
}

static void files_are_merged_by_time_and_equal_times_keep_their_order(void **state)
{
    struct fixture *fixture = *state;

    add_file(fixture, "a",
             "{\"id\":\"a1\",\"type\":\"view\",\"ts\":10,\"page\":\"p\"}\n"
             "{\"id\":\"a2\",\"type\":\"view\",\"ts\":20,\"page\":\"p\"}\n"
             "{\"id\":\"a3\",\"type\":\"view\",\"ts\":20,\"page\":\"p\"}\n");
    add_file(fixture, "b",
             "{\"id\":\"b1\",\"type\":\"view\",\"ts\":5,\"page\":\"p\"}\n"
             "{\"id\":\"b2\",\"type\":\"view\",\"ts\":20,\"page\":\"p\"}\n"
             "{\"id\":\"b3\",\"type\":\"view\",\"ts\":30,\"page\":\"p\"}");
    add_file(fixture, "c", "");
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_ids(fixture, "b1 a1 a2 a3 b2 b3 ");
}

static void a_click_waits_for_its_moment_among_later_rows(void **state)
{
    struct fixture *fixture = *state;

    use_csv(fixture);
    add_file(fixture, "a", "t,p,c\n1000,x,1\n2999,x,0\n3000,x,0\n3001,x,0\n");
    add_file(fixture, "b", "t,p,c\n2000,y,1\n3000,y,0\n");
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_ids(fixture, "a:2:v b:2:v a:3:v a:2:c a:4:v b:3:v a:5:v b:2:c ");
    assert_non_null(strstr(fixture->values, "{\"id\":\"a:2:c\",\"type\":\"click\",\"ts\":3000,"
                                            "\"page\":\"x\"}"));
}

static void clicks_at_once_follow_their_views(void **state)
{
    struct fixture *fixture = *state;

    use_csv(fixture);
    fixture->options.map.click_after_ms = 0;
    add_file(fixture, "a", "t,p,c\n1000,x,1\n1000,x,1\n");
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_ids(fixture, "a:2:v a:2:c a:3:v a:3:c ");
}

static void what_is_no_event_is_reported_with_its_line_and_passed_over(void **state)
{
    struct fixture *fixture = *state;

    add_file(fixture, "a",
             "nonsense\n\n{\"id\":\"a3\",\"type\":\"view\",\"ts\":10,\"page\":\"p\"}\n"
             "{\"type\":\"view\",\"page\":\"p\"}\n"
             "{\"type\":\"view\",\"ts\":0,\"page\":\"p\"}\n");
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_ids(fixture, "a3 ");
    assert_ptr_equal(strstr(fixture->complaints, "a:1: not_json"), fixture->complaints);
    assert_non_null(strstr(fixture->complaints, "\na:4: missing: ts"));
    assert_non_null(strstr(fixture->complaints, "\na:5: an event time of 0"));
}

static void a_bad_row_of_csv_is_reported_with_the_line_it_begins_at(void **state)
{
    struct fixture *fixture = *state;

    use_csv(fixture);
    add_file(fixture, "a",
             "t,p,c\n1,\"two\nlines\",0\n2,x,0\nnever,x,0\n3,x\n4,,0\n5,\"x\"y,0\n6,x,0\n");
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_ids(fixture, "a:4:v a:9:v ");
    assert_ptr_equal(strstr(fixture->complaints, "a:2: bad_value: page"), fixture->complaints);
    assert_non_null(strstr(fixture->complaints, "\na:5: t: \"never\" is no time"));
    assert_non_null(strstr(fixture->complaints, "\na:6: 2 fields where the header has 3"));
    assert_non_null(strstr(fixture->complaints, "\na:7: "));
    assert_non_null(strstr(fixture->complaints, "\na:8: text after a closing quote"));
}

static void a_record_at_the_size_limit_passes_and_one_beyond_does_not(void **state)
{
    struct fixture *fixture = *state;
    static const char event[] = "{\"id\":\"a\",\"type\":\"view\",\"ts\":1,\"page\":\"p\"}";
    char bytes[204]; /* a line of 100 bytes, one of 101, and their ends */

    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, event, sizeof event - 1);
    memcpy(bytes + 101, event, sizeof event - 1);
    bytes[100] = bytes[202] = '\n';
    bytes[203] = '\0';
    fixture->options.config.record_bytes_max = 100;
    add_file(fixture, "a", bytes);
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_ids(fixture, "a ");
    assert_ptr_equal(strstr(fixture->complaints, "a:2: too_long"), fixture->complaints);
}

static void a_row_that_makes_too_long_a_record_is_reported(void **state)
{
    static char bytes[40000] = "t,p,c\n1,";
    struct fixture *fixture = *state;

    use_csv(fixture);
    memset(bytes + strlen(bytes), 'x', 20000);
    memcpy(bytes + strlen(bytes), ",0\n2,y,0\n", 10);
    add_file(fixture, "a", bytes);
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_ids(fixture, "a:3:v ");
    assert_ptr_equal(strstr(fixture->complaints, "a:2: too_long"), fixture->complaints);
}

static void a_missing_file_names_its_neighbour(void **state)
{
    struct fixture *fixture = *state;

    add_file(fixture, "events.ndjson", "");
    (void)add_path(fixture, "event.ndjson");
    assert_int_equal(merge(fixture), CTR_NOT_FOUND);
    assert_non_null(strstr(fixture->problem.text, "did you mean \"events.ndjson\"?"));
}

static void an_empty_csv_has_no_header(void **state)
{
    struct fixture *fixture = *state;

    use_csv(fixture);
    add_file(fixture, "a", "");
    assert_int_equal(merge(fixture), CTR_INVALID);
    assert_non_null(strstr(fixture->problem.text, "the first row must name the columns"));
}

static void two_files_of_one_name_may_not_make_ids_from_it(void **state)
{
    struct fixture *fixture = *state;

    use_csv(fixture);
    add_file(fixture, "a", "t,p,c\n1,x,0\n");
    fixture->options.files[fixture->options.files_count++] = fixture->paths[0];
    assert_int_equal(merge(fixture), CTR_INVALID);
    assert_non_null(strstr(fixture->problem.text, "--map id=COLUMN"));
    fixture->options.map.columns[REPLAY_ID] = "p";
    assert_int_equal(merge(fixture), CTR_STOPPED);
}

static void the_key_is_what_partition_by_says(void **state)
{
    static const char *const expected[] = {
        [REPLAY_KEY_VISITOR] = "v 1", [REPLAY_KEY_PAGE] = "p 1", [REPLAY_KEY_NONE] = ""};
    struct fixture *fixture = *state;

    add_file(fixture, "a", "{\"type\":\"click\",\"ts\":1,\"page\":\"p 1\",\"visitor\":\"v 1\"}\n");
    for (int key = REPLAY_KEY_VISITOR; key <= REPLAY_KEY_NONE; key++) {
        struct replay_merge *merge = NULL;
        struct replay_item item;

        fixture->options.key = (enum replay_key)key;
        assert_int_equal(replay_merge_open(&fixture->options, complain, fixture, &merge, NULL),
                         CTR_OK);
        assert_int_equal(replay_merge_next(merge, &item, NULL), CTR_OK);
        assert_int_equal(item.type, EVENT_CLICK);
        assert_int_equal(item.key.length, strlen(expected[key]));
        assert_memory_equal(item.key.bytes, expected[key], item.key.length);
        assert_int_equal(replay_merge_next(merge, &item, NULL), CTR_STOPPED);
        replay_merge_close(merge);
    }
}

static void mapped_names_find_the_fields_of_ndjson(void **state)
{
    struct fixture *fixture = *state;
    struct config_fields *fields = &fixture->options.config.fields;

    snprintf(fields->ts, sizeof fields->ts, "/meta/at");
    snprintf(fields->page, sizeof fields->page, "url");
    fixture->options.map.constants[REPLAY_TYPE] = "view";
    add_file(fixture, "a", "{\"id\":\"a1\",\"meta\":{\"at\":9},\"url\":\"/\"}\n");
    add_file(fixture, "b", "{\"id\":\"b1\",\"meta\":{\"at\":8},\"url\":\"/\"}\n");
    assert_int_equal(merge(fixture), CTR_STOPPED);
    assert_ids(fixture, "b1 a1 ");
}

int main(void)
{
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FILES(ndjson_lines_pass_byte_for_byte),
        WITH_FILES(files_are_merged_by_time_and_equal_times_keep_their_order),
        WITH_FILES(a_click_waits_for_its_moment_among_later_rows),
        WITH_FILES(clicks_at_once_follow_their_views),
        WITH_FILES(what_is_no_event_is_reported_with_its_line_and_passed_over),
        WITH_FILES(a_bad_row_of_csv_is_reported_with_the_line_it_begins_at),
        WITH_FILES(a_record_at_the_size_limit_passes_and_one_beyond_does_not),
        WITH_FILES(a_row_that_makes_too_long_a_record_is_reported),
        WITH_FILES(a_missing_file_names_its_neighbour),
        WITH_FILES(an_empty_csv_has_no_header),
        WITH_FILES(two_files_of_one_name_may_not_make_ids_from_it),
        WITH_FILES(the_key_is_what_partition_by_says),
        WITH_FILES(mapped_names_find_the_fields_of_ndjson),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/csv.h"

/* Reads `length` bytes as CSV and writes every row as "line:field|field\n", errors as "line!\n". */
static char *read_bytes(const char *bytes, size_t length, char separator)
{
    FILE *stream = fmemopen((void *)(uintptr_t)bytes, length, "r");
    struct csv_reader *reader = NULL;
    struct csv_row row;
    char *text = NULL;
    size_t text_length = 0;
    FILE *out = open_memstream(&text, &text_length);
    enum ctr_status status;

    assert_non_null(stream);
    assert_non_null(out);
    assert_int_equal(csv_new(stream, separator, &reader), CTR_OK);
    while ((status = csv_read(reader, &row, NULL)) != CTR_STOPPED) {
        fprintf(out, "%d%c", (int)row.line, status == CTR_OK ? ':' : '!');
        for (size_t i = 0; status == CTR_OK && i < row.count; i++) {
            fprintf(out, "%s%.*s", i > 0 ? "|" : "", (int)row.fields[i].length,
                    row.fields[i].bytes);
        }
        fputc('\n', out);
    }
    csv_free(reader);
    fclose(stream);
    fclose(out);
    return text;
}

static void expect(const char *csv, const char *rows)
{
    char *got = read_bytes(csv, strlen(csv), ',');

    assert_string_equal(got, rows);
    free(got);
}

static void fields_are_split_at_commas_and_rows_at_line_ends(void **state)
{
    (void)state;
    expect("a,b,c\n1,2,3\n", "1:a|b|c\n2:1|2|3\n");
    expect("a,b\n1,2", "1:a|b\n2:1|2\n");
    expect("a,b\r\n1,2\r\n", "1:a|b\n2:1|2\n");
    expect(",\n,,\n", "1:|\n2:||\n");
}

static void empty_lines_are_passed_over_but_counted(void **state)
{
    (void)state;
    expect("a\n\n\r\nb\n", "1:a\n4:b\n");
}

static void a_quoted_field_may_hold_commas_line_ends_and_doubled_quotes(void **state)
{
    (void)state;
    expect("\"a,b\",c\n", "1:a,b|c\n");
    expect("\"a \"\"b\"\" c\",\"\"\n", "1:a \"b\" c|\n");
    expect("\"two\nlines\",x\nnext,y\n", "1:two\nlines|x\n3:next|y\n");
    expect("\"crlf\"\r\n\"x\"\r\n", "1:crlf\n2:x\n");
    expect("\"last\"", "1:last\n");
}

static void a_stray_quote_spoils_its_row_and_no_other(void **state)
{
    (void)state;
    expect("a,b\"c\nd,e\n", "1!\n2:d|e\n");
    expect("\"a\"b,c\nd,e\n", "1!\n2:d|e\n");
    expect("\"a\"\rb,c\nd,e\n", "1!\n2:d|e\n");
}

static void a_quote_never_closed_is_an_error_at_its_line(void **state)
{
    (void)state;
    expect("a\n\"b\nc\n", "1:a\n2!\n");
}

static void a_byte_order_mark_is_no_part_of_the_first_name(void **state)
{
    (void)state;
    expect("\xEF\xBB\xBF"
           "a,b\n",
           "1:a|b\n");
    expect("\xEF\xBB\xBF\"a\"\n", "1:a\n");
    expect("\xEF\xBC\x8B,b\n", "1:\xEF\xBC\x8B|b\n");
    expect("\xEF\xBB\x8B,b\n", "1:\xEF\xBB\x8B|b\n");
}

static void a_carriage_return_inside_a_line_is_data(void **state)
{
    (void)state;
    expect("a\rb,c\n", "1:a\rb|c\n");
    expect("a\r,\n", "1:a\r|\n");
    expect("\rb\n", "1:\rb\n");
}

static void another_separator_leaves_commas_alone(void **state)
{
    char *got = read_bytes("a,b\tc\n", 6, '\t');

    (void)state;
    assert_string_equal(got, "1:a,b|c\n");
    free(got);
}

static void a_row_at_the_limit_passes_and_one_beyond_is_skipped(void **state)
{
    size_t length = (size_t)CSV_ROW_BYTES_MAX + 3;
    char *bytes = malloc(length);
    char *got;

    (void)state;
    memset(bytes, 'x', length);
    memcpy(bytes + CSV_ROW_BYTES_MAX, "\ny\n", 3);
    got = read_bytes(bytes, length, ',');
    assert_int_equal(strlen(got), CSV_ROW_BYTES_MAX + 7); /* "1:", "\n" and "2:y\n" */
    free(got);
    memcpy(bytes + CSV_ROW_BYTES_MAX, "x\ny", 3);
    got = read_bytes(bytes, length, ',');
    assert_string_equal(got, "1!\n2:y\n");
    free(got);
    free(bytes);
}

static void more_than_1024_fields_are_an_error(void **state)
{
    char bytes[CSV_FIELDS_MAX + 4];
    char *got;

    (void)state;
    memset(bytes, ',', sizeof bytes);
    memcpy(bytes + CSV_FIELDS_MAX - 1, "\nb\n", 3); /* 1023 commas part 1024 fields */
    got = read_bytes(bytes, CSV_FIELDS_MAX + 2, ',');
    assert_int_equal(got[1], ':');
    free(got);
    memcpy(bytes + CSV_FIELDS_MAX - 1, ",\nb\n", 4);
    got = read_bytes(bytes, CSV_FIELDS_MAX + 3, ',');
    assert_string_equal(got, "1!\n2:b\n");
    free(got);
}

static void an_empty_stream_has_no_rows(void **state)
{
    (void)state;
    expect("\n", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_split_at_commas_and_rows_at_line_ends),
        cmocka_unit_test(empty_lines_are_passed_over_but_counted),
        cmocka_unit_test(a_quoted_field_may_hold_commas_line_ends_and_doubled_quotes),
        cmocka_unit_test(a_stray_quote_spoils_its_row_and_no_other),
        cmocka_unit_test(a_quote_never_closed_is_an_error_at_its_line),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_name),
        cmocka_unit_test(a_carriage_return_inside_a_line_is_data),
        cmocka_unit_test(another_separator_leaves_commas_alone),
        cmocka_unit_test(a_row_at_the_limit_passes_and_one_beyond_is_skipped),
        cmocka_unit_test(more_than_1024_fields_are_an_error),
        cmocka_unit_test(an_empty_stream_has_no_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

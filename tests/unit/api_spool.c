/* SPDX-License-Identifier: Apache-2.0 */
#include "api/spool.h"

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test.h"

static char folder[] = "/tmp/livectr-spool-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails where a file was left */
}

static size_t files(void)
{
    DIR *opened = opendir(folder);
    size_t count = 0;

    while (readdir(opened) != NULL)
        count++;
    (void)closedir(opened);
    return count - 2; /* . and .. */
}

/* Piece i is i % 97 + 1 bytes of the value i % 251. */
static void put_pieces(struct spool *spool, unsigned pieces)
{
    unsigned char bytes[97];

    for (unsigned i = 0; i < pieces; i++) {
        memset(bytes, (int)(i % 251), sizeof bytes);
        assert_int_equal(spool_put(spool, bytes, i % 97 + 1), CTR_OK);
    }
}

static void expect_pieces(struct spool *spool, unsigned pieces)
{
    unsigned char bytes[97], wanted[97];

    assert_int_equal(spool_turn(spool), CTR_OK);
    for (unsigned i = 0; i < pieces; i++) {
        memset(wanted, (int)(i % 251), sizeof wanted);
        assert_int_equal(spool_get(spool, bytes, i % 97 + 1), CTR_OK);
        assert_memory_equal(bytes, wanted, i % 97 + 1);
    }
    assert_int_equal(spool_get(spool, bytes, 1), CTR_IO); /* nothing more */
}

static void little_needs_no_file(void **state)
{
    struct spool spool;

    (void)state;
    assert_int_equal(spool_init(&spool, NULL), CTR_OK);
    put_pieces(&spool, 5000);
    assert_int_equal(spool.fd, -1);
    expect_pieces(&spool, 5000);
    spool_done(&spool);
}

static void much_comes_back_from_a_file_that_has_no_name(void **state)
{
    struct spool spool;

    (void)state;
    assert_int_equal(spool_init(&spool, folder), CTR_OK);
    put_pieces(&spool, 60000);
    assert_true(spool.fd >= 0);
    assert_int_equal(files(), 0);
    expect_pieces(&spool, 60000);
    spool_done(&spool);
}

static void emptied_it_begins_anew(void **state)
{
    struct spool spool;

    (void)state;
    assert_int_equal(spool_init(&spool, folder), CTR_OK);
    put_pieces(&spool, 60000);
    assert_int_equal(spool_empty(&spool), CTR_OK);
    put_pieces(&spool, 3);
    expect_pieces(&spool, 3);
    assert_int_equal(spool_empty(&spool), CTR_OK);
    put_pieces(&spool, 50000);
    expect_pieces(&spool, 50000);
    spool_done(&spool);
}

static void without_a_folder_it_is_full_when_its_buffer_is(void **state)
{
    static char bytes[SPOOL_BUFFER_BYTES];
    struct spool spool;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(spool_init(&spool, i == 0 ? NULL : "/nowhere/at/all"), CTR_OK);
        assert_int_equal(spool_put(&spool, bytes, sizeof bytes), CTR_OK);
        assert_int_equal(spool_put(&spool, bytes, 1), CTR_IO);
        spool_done(&spool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_needs_no_file),
        cmocka_unit_test(much_comes_back_from_a_file_that_has_no_name),
        cmocka_unit_test(emptied_it_begins_anew),
        cmocka_unit_test(without_a_folder_it_is_full_when_its_buffer_is),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

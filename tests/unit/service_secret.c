/* SPDX-License-Identifier: Apache-2.0 */
#include "service/secret.h"

#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 128 };

static char directory[PATH_BYTES - 32], path[PATH_BYTES];

static int set_up(void **state)
{
    const char *parent = getenv("TMPDIR");

    (void)state;
    snprintf(directory, sizeof directory, "%.60s/secret-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(directory)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/hash.key", directory);
    return 0;
}

/* Fails where a file with another name was left behind. */
static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void a_key_is_made_once_for_this_user_alone(void **state)
{
    uint64_t made[HASH_SECRET_WORDS] = {0}, read[HASH_SECRET_WORDS] = {0};
    uint64_t zeros[HASH_SECRET_WORDS] = {0};
    struct stat status;

    (void)state;
    assert_int_equal(secret_load(path, true, made, NULL), CTR_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, sizeof made);
    assert_memory_not_equal(made, zeros, sizeof made);
    assert_int_equal(secret_load(path, true, read, NULL), CTR_OK);
    assert_memory_equal(read, made, sizeof made);
    unlink(path);
    assert_int_equal(secret_load(path, true, read, NULL), CTR_OK);
    assert_memory_not_equal(read, made, sizeof made);
}

static void a_named_key_must_be_there(void **state)
{
    uint64_t secret[HASH_SECRET_WORDS];
    struct ctr_error error = {.text = ""};

    (void)state;
    assert_int_equal(secret_load(path, false, secret, &error), CTR_NOT_FOUND);
    assert_non_null(strstr(error.text, path));
    assert_int_not_equal(access(path, F_OK), 0);
}

static void another_size_is_refused_with_the_way_out(void **state)
{
    static const size_t sizes[] = {0, 191, 193, 4096};
    static const char bytes[4096];
    uint64_t secret[HASH_SECRET_WORDS];

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        FILE *file = fopen(path, "wb");
        struct ctr_error error = {.text = ""};

        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, sizes[i], file), sizes[i]);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(secret_load(path, true, secret, &error), CTR_INVALID);
        assert_non_null(strstr(error.text, "head -c 192 /dev/urandom"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_made_once_for_this_user_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_named_key_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_size_is_refused_with_the_way_out, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

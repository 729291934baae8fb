/* SPDX-License-Identifier: Apache-2.0 */
#include "service/secret.h"

#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES = HASH_SECRET_WORDS * 8, PATH_BYTES = 128 };

static char folder[PATH_BYTES / 2];
static char path[PATH_BYTES];
static uint64_t secret[HASH_SECRET_WORDS];
static struct ctr_error error;

static int begin(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/livectr-secret-XXXXXX");
    memset(secret, 0, sizeof secret);
    error.text[0] = '\0';
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/hash.key", folder);
    return 0;
}

static int end(void **state)
{
    char fresh[PATH_BYTES + 8];

    (void)state;
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    (void)unlink(fresh);
    (void)unlink(path);
    return rmdir(folder); /* there was nothing else in it */
}

static void write_file(const char *name, size_t length)
{
    FILE *file = fopen(name, "wb");

    assert_non_null(file);
    for (size_t i = 0; i < length; i++) {
        assert_int_not_equal(fputc((int)(i & 0xff), file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

static void assert_private_file(void)
{
    struct stat file;

    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_equal(file.st_size, SECRET_BYTES);
}

static void a_key_is_made_once_and_read_from_then_on(void **state)
{
    uint64_t again[HASH_SECRET_WORDS];
    char fresh[PATH_BYTES + 8];
    size_t zeros = 0;

    (void)state;
    assert_int_equal(secret_load(path, true, secret, &error), CTR_OK);
    assert_private_file();
    for (size_t i = 0; i < HASH_SECRET_WORDS; i++) {
        zeros += secret[i] == 0;
    }
    assert_int_equal(zeros, 0);
    assert_int_equal(secret_load(path, true, again, &error), CTR_OK);
    assert_memory_equal(again, secret, sizeof secret);
    assert_int_equal(secret_load(path, false, again, &error), CTR_OK);
    assert_memory_equal(again, secret, sizeof secret);
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    assert_int_not_equal(access(fresh, F_OK), 0);
}

static void two_keys_are_never_the_same(void **state)
{
    uint64_t other[HASH_SECRET_WORDS];

    (void)state;
    assert_int_equal(secret_load(path, true, secret, &error), CTR_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(secret_load(path, true, other, &error), CTR_OK);
    for (size_t i = 0; i < HASH_SECRET_WORDS; i++) {
        assert_true(other[i] != secret[i]);
    }
}

/* What an end in the middle of making one leaves behind, whoever may read it. */
static void a_half_made_key_is_made_anew_and_private(void **state)
{
    char fresh[PATH_BYTES + 8];

    (void)state;
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    write_file(fresh, 10);
    assert_int_equal(chmod(fresh, 0644), 0);
    assert_int_equal(secret_load(path, true, secret, &error), CTR_OK);
    assert_private_file();
}

static void a_file_of_another_size_is_refused_and_left_alone(void **state)
{
    static const size_t sizes[] = {0, 1, SECRET_BYTES - 1, SECRET_BYTES + 1, 4096};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct stat file;

        write_file(path, sizes[i]);
        assert_int_equal(secret_load(path, true, secret, &error), CTR_INVALID);
        assert_non_null(strstr(error.text, path));
        assert_non_null(strstr(error.text, "192"));
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_size, (off_t)sizes[i]);
    }
    write_file(path, SECRET_BYTES);
    assert_int_equal(secret_load(path, true, secret, &error), CTR_OK);
    assert_int_equal(((const unsigned char *)secret)[100], 100);
}

static void a_file_that_was_named_must_be_there(void **state)
{
    (void)state;
    assert_int_equal(secret_load(path, false, secret, &error), CTR_NOT_FOUND);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "hash_key"));
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_folder_that_is_not_there_or_no_file_is_an_error(void **state)
{
    char missing[PATH_BYTES + 8];

    (void)state;
    (void)snprintf(missing, sizeof missing, "%s/no/hash.key", folder);
    assert_int_equal(secret_load(missing, true, secret, &error), CTR_IO);
    assert_int_equal(secret_load(folder, true, secret, &error), CTR_IO);
    assert_non_null(strstr(error.text, folder));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_made_once_and_read_from_then_on),
        TEST(two_keys_are_never_the_same),
        TEST(a_half_made_key_is_made_anew_and_private),
        TEST(a_file_of_another_size_is_refused_and_left_alone),
        TEST(a_file_that_was_named_must_be_there),
        TEST(a_folder_that_is_not_there_or_no_file_is_an_error),
    };

    return cmocka_run_group_tests_name("service/secret", tests, NULL, NULL);
}

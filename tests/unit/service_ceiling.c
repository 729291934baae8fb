/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <string.h>

#include "service/ceiling.h"

#define MIB (INT64_C(1) << 20)

static struct config with(const char *const (*settings)[2], size_t count)
{
    struct config config;
    struct ctr_error error;

    config_defaults(&config);
    assert_int_equal(config_set(&config, "topics", "t", "test", &error), CTR_OK);
    assert_int_equal(config_set(&config, "brokers", "b:1", "test", &error), CTR_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(config_set(&config, settings[i][0], settings[i][1], "test", &error),
                         CTR_OK);
    }
    assert_int_equal(config_check(&config, &error), CTR_OK);
    return config;
}

static void without_a_ceiling_nothing_is_derived(void **state)
{
    struct config defaults, config = with(NULL, 0);

    (void)state;
    config_defaults(&defaults);
    assert_int_equal(config.memory_max_bytes, 0);
    assert_int_equal(config.keys_max, defaults.keys_max);
    assert_int_equal(config.visitors_max, defaults.visitors_max);
    assert_int_equal(config.key_text_max_bytes, 0);
    assert_int_equal(config.held_max_bytes, 0);
    assert_int_equal(config.kafka_queue_kbytes, 65536);
}

/* What all of it comes to when every limit is reached, by as many stores. */
static int64_t reckoned(const struct config *config, int64_t stores)
{
    struct ceiling_costs costs;

    ceiling_costs(config, &costs);
    return CEILING_BASE_BYTES + config->connections_max * costs.connection +
           stores *
               (config->keys_max * costs.key + (int64_t)config->key_text_max_bytes * 4 +
                config->visitors_max * costs.pair + config->ids_max * costs.id +
                (int64_t)config->held_max_bytes + (int64_t)config->kafka_queue_kbytes * 1024 * 4 +
                config->minutes_max * costs.minute);
}

static void the_limits_derived_fit_below_it_and_use_most_of_it(void **state)
{
    static const char *const sizes[] = {"128m", "256m", "1g", "3g", "64G"};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *const settings[][2] = {{"max_memory", sizes[i]}, {"scout_after", "off"}};
        struct config alone = with(settings, 2), both = with(settings, 1);

        assert_true(reckoned(&alone, 1) <= alone.memory_max_bytes);
        assert_true(reckoned(&alone, 1) > alone.memory_max_bytes / 10 * 9);
        assert_true(reckoned(&both, 2) <= both.memory_max_bytes);
        assert_true(both.keys_max > 3000);
    }
}

static void more_windows_and_longer_memories_mean_fewer_keys(void **state)
{
    static const char *const few[][2] = {{"max_memory", "1g"}, {"windows", "10m"}};
    static const char *const many[][2] = {
        {"max_memory", "1g"}, {"windows", "1m,10m,1h,24h"}, {"click_gap", "2s"}};
    struct config narrow = with(few, 2), wide = with(many, 3);

    (void)state;
    assert_true(wide.keys_max < narrow.keys_max);
    assert_true(wide.ids_max < narrow.ids_max);
    assert_int_equal(wide.visitors_max, narrow.visitors_max);
}

static void what_is_given_stays_whatever_the_order(void **state)
{
    static const char *const settings[][2] = {
        {"max_keys", "77"}, {"max_memory", "256m"}, {"max_ids", "5"}, {"max_connections", "4096"}};
    struct config config = with(settings, 4);

    (void)state;
    assert_int_equal(config.keys_max, 77);
    assert_int_equal(config.ids_max, 5);
    assert_int_equal(config.connections_max, 4096);
    assert_true(config.visitors_max < 20000000);
    assert_true(config_given(&config, "max_keys") && !config_given(&config, "max_visitors"));
}

static void bytes_are_read_with_their_units(void **state)
{
    static const struct {
        const char *text;
        int64_t wanted;
    } good[] = {{"128m", 128 * MIB},
                {"3g", 3072 * MIB},
                {"262144K", 256 * MIB},
                {"536870912", 512 * MIB},
                {"off", 0}};
    static const char *const bad[] = {
        "", "m", "127m", "-1g", "1.5g", "1gb", "1 g", "99999999g", "9223372036854775807g", "on"};
    struct config config;
    struct ctr_error error;

    (void)state;
    config_defaults(&config);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(config_set(&config, "max_memory", good[i].text, "test", &error), CTR_OK);
        assert_int_equal(config.memory_max_bytes, good[i].wanted);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(config_set(&config, "max_memory", bad[i], "test", &error), CTR_INVALID);
        assert_non_null(strstr(error.text, "128m"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_ceiling_nothing_is_derived),
        cmocka_unit_test(the_limits_derived_fit_below_it_and_use_most_of_it),
        cmocka_unit_test(more_windows_and_longer_memories_mean_fewer_keys),
        cmocka_unit_test(what_is_given_stays_whatever_the_order),
        cmocka_unit_test(bytes_are_read_with_their_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/callers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/support/test.h"

static struct callers *callers;
static struct callers_address place;

union caller_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static union caller_address address_of(const char *text)
{
    union caller_address address = {.v4 = {.sin_family = AF_INET}};

    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1)
        return address;
    address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, text, &address.v6.sin6_addr), 1);
    return address;
}

static enum callers_verdict enter(const char *text)
{
    union caller_address address = address_of(text);

    return callers_enter(callers, &address.any, &place);
}

static void begin(uint32_t connections_max, uint32_t per_address_max)
{
    const struct callers_options options = {connections_max, per_address_max, 42};

    callers = callers_new(&options);
    assert_non_null(callers);
}

static void near_the_limit_callers_are_told_and_beyond_it_closed(void **state)
{
    (void)state;
    begin(32, 0);
    for (int i = 0; i < 30; i++)
        assert_int_equal(enter("192.0.2.1"), CALLERS_WELCOME);
    assert_int_equal(enter("192.0.2.1"), CALLERS_FULL);
    assert_int_equal(enter("192.0.2.2"), CALLERS_FULL);
    assert_int_equal(enter("192.0.2.3"), CALLERS_CLOSE);
    assert_int_equal(enter("192.0.2.3"), CALLERS_CLOSE);
    callers_leave(callers, &place);
    callers_leave(callers, &place);
    callers_leave(callers, &(struct callers_address){0, UINT64_C(0xFFFFC0000201)});
    assert_int_equal(enter("192.0.2.4"), CALLERS_FULL);
    callers_free(callers);
}

static void an_address_has_a_limit_of_its_own(void **state)
{
    (void)state;
    begin(1000, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(enter("192.0.2.1"), CALLERS_WELCOME);
    for (int i = 0; i < 16; i++)
        assert_int_equal(enter("192.0.2.1"), CALLERS_TOO_MANY);
    assert_int_equal(enter("192.0.2.1"), CALLERS_CLOSE);
    assert_int_equal(enter("192.0.2.2"), CALLERS_WELCOME);
    assert_int_equal(enter("192.0.2.1"), CALLERS_CLOSE);
    for (int i = 0; i < 19; i++)
        callers_leave(callers, &place);
    assert_int_equal(enter("192.0.2.1"), CALLERS_WELCOME);
    callers_free(callers);
}

static void one_customer_has_one_network_and_one_ipv4_address(void **state)
{
    (void)state;
    begin(1000, 1);
    assert_int_equal(enter("2001:db8::1"), CALLERS_WELCOME);
    assert_int_equal(enter("2001:db8::ffff:1"), CALLERS_TOO_MANY);
    assert_int_equal(enter("2001:db8:0:1::1"), CALLERS_WELCOME);
    assert_int_equal(enter("192.0.2.1"), CALLERS_WELCOME);
    assert_int_equal(enter("::ffff:192.0.2.1"), CALLERS_TOO_MANY);
    assert_int_equal(enter("::ffff:192.0.2.2"), CALLERS_WELCOME);
    callers_free(callers);
}

static void many_make_the_idle_make_room(void **state)
{
    (void)state;
    begin(80, 0);
    for (int i = 0; i < 70; i++)
        (void)enter("192.0.2.1");
    assert_false(callers_crowded(callers));
    (void)enter("192.0.2.1");
    assert_true(callers_crowded(callers));
    callers_leave(callers, &place);
    assert_false(callers_crowded(callers));
    callers_free(callers);
}

enum { ADDRESSES = 4000, STEPS = 200000 };

/* Against counts in an array: whatever comes and goes, each address's own is right. */
static void every_address_is_counted_exactly(void **state)
{
    static uint32_t counts[ADDRESSES];
    uint64_t dice = 7;
    uint32_t open = 0;

    (void)state;
    begin(2000, 3);
    for (int i = 0; i < STEPS; i++) {
        union caller_address address = {.v4 = {.sin_family = AF_INET}};
        uint32_t which;

        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407U;
        which = (uint32_t)(dice >> 33) % ADDRESSES;
        address.v4.sin_addr.s_addr = htonl(0xC0000000U + which);
        if (counts[which] > 0 && ((dice >> 20) & 1) == 0) {
            callers_leave(callers, &(struct callers_address){0, UINT64_C(0xFFFFC0000000) + which});
            counts[which]--;
            open--;
        } else if (open < 1800) {
            enum callers_verdict verdict = callers_enter(callers, &address.any, &place);

            counts[which]++;
            open++;
            assert_int_equal(verdict, counts[which] <= 3 ? CALLERS_WELCOME : CALLERS_TOO_MANY);
        }
    }
    callers_free(callers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_the_limit_callers_are_told_and_beyond_it_closed),
        cmocka_unit_test(an_address_has_a_limit_of_its_own),
        cmocka_unit_test(one_customer_has_one_network_and_one_ipv4_address),
        cmocka_unit_test(many_make_the_idle_make_room),
        cmocka_unit_test(every_address_is_counted_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

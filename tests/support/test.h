/* SPDX-License-Identifier: Apache-2.0
 *
 * cmocka with the headers it wants before it. A failed assert in another thread ends the run
 * without a report: worker threads only record, the test's own thread asserts.
 */
#ifndef LIVECTR_TESTS_SUPPORT_TEST_H
#define LIVECTR_TESTS_SUPPORT_TEST_H

/* The order is cmocka's. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif

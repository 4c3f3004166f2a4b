/*
 * Put before the source of a unit test (-include), this makes a fuzz target of
 * it: main() only hands over the list of its tests.
 */
#pragma once

#include "fake.h"

int unit_main(void);
int fuzz_take(const struct CMUnitTest *tests, size_t count);

#define main unit_main
#undef cmocka_run_group_tests_name
#define cmocka_run_group_tests_name(name, tests, setup, teardown)              \
    fuzz_take(tests, sizeof(tests) / sizeof((tests)[0]))
#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, setup, teardown)                         \
    fuzz_take(tests, sizeof(tests) / sizeof((tests)[0]))

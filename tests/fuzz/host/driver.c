/*
 * libFuzzer's entry point: one test of a unit test file, named by the
 * environment's TEST, with the input's bytes as its chance. A run is over when
 * they are used up; the test's own setup and teardown stand around it, so a
 * lost frame is a finding, too.
 */
#include "fake.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int fuzz_take(const struct CMUnitTest *tests, size_t count);
int unit_main(void);

static struct CMUnitTest test;

int fuzz_take(const struct CMUnitTest *tests, size_t count)
{
    const char *name = getenv("TEST");

    for (size_t i = 0; name && i < count; i++)
        if (!strcmp(tests[i].name, name))
            test = tests[i];
    return 0;
}

static void begin(void)
{
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* an assertion is a crash */
    fake_boot(NULL);
    unit_main();
    if (test.test_func)
        return;
    fprintf(stderr, "TEST names no test\n");
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *state = NULL;

    if (!test.test_func)
        begin();
    fake_input(data, size);
    if (test.setup_func && test.setup_func(&state))
        abort();
    test.test_func(&state);
    if (test.teardown_func && test.teardown_func(&state))
        abort();
    return 0;
}

/*
 * What a program sees and what becomes of it: prints its arguments, copies
 * its input, or ends in the way that its first argument names.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One line per argument, in brackets, so that blanks show. */
static int print_arguments(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        printf("%d [%s]\n", i - 1, argv[i]);
    return 0;
}

/* Copies COUNT bytes of standard input. */
static int copy_input(int count)
{
    char byte;

    while (count-- > 0 && read(0, &byte, 1) == 1)
        if (write(1, &byte, 1) != 1)
            return 1;
    return 0;
}

/* Every byte value there is, unterminated. */
static int write_bytes(void)
{
    char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    return write(1, all, sizeof(all)) == sizeof(all) ? 0 : 1;
}

static int spin(void)
{
    if (write(1, "spinning\n", 9) != 9)
        return 1;
    for (;;)
        __asm__ volatile("");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;

    if (!strcmp(what, "exit"))
        return number;
    if (!strcmp(what, "args"))
        return print_arguments(argc, argv);
    if (!strcmp(what, "copy"))
        return copy_input(number);
    if (!strcmp(what, "bytes"))
        return write_bytes();
    if (!strcmp(what, "spin"))
        return spin();
    if (!strcmp(what, "segv"))
        *(volatile int *)16 = 1;
    if (!strcmp(what, "abort"))
        abort();
    return 99;
}

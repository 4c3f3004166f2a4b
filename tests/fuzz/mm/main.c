/*
 * mmfuzz [-v] [-x MASK,...] SEED N|FIRST-LAST...
 * mmfuzz -r [-x MASK,...] "OP ARG...; OP ARG...; ..."...
 *
 * Draws the sequences of SEED that have these numbers and prints a line with
 * the hash of each one's story; -v: the story itself. -r: runs the given
 * sequences and prints their stories.
 * MASK leaves operations out: see mask_add_one(). What is masked is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mmfuzz.h"

#define SEQUENCE_OPS 40
#define MAPPINGS     4 /* in the beginning, not to draw at nothing */
#define LOG_SIZE     (1 << 20)

static int verbose;

/* One write per line: nothing is left in a buffer that a child inherits. */
static void print(const char *text)
{
    size_t size = strlen(text);

    while (size) {
        ssize_t done = write(STDOUT_FILENO, text, size);

        if (done <= 0)
            exit(3);
        text += done;
        size -= done;
    }
}

static void print_story(const char *head)
{
    char line[80];

    if (verbose) {
        print(head);
        print("\n");
        print(log_story());
    } else {
        snprintf(line, sizeof(line), "%s %016lx\n", head,
                 (unsigned long)log_hash());
        print(line);
    }
}

static void drawn_sequence(uint64_t seed, unsigned long number)
{
    struct op ops[SEQUENCE_OPS];
    char head[40];

    draw_seed(seed << 32 | number);
    for (int i = 0; i < SEQUENCE_OPS; i++) {
        if (i < MAPPINGS)
            draw_mapping(&ops[i]);
        else
            draw_op(&ops[i]);
    }
    run_sequence(ops, SEQUENCE_OPS);
    snprintf(head, sizeof(head), "%lu/%lu", (unsigned long)seed, number);
    print_story(head);
}

static void given_sequence(const char *text)
{
    struct op ops[OPS_MAX];
    int count = 0;

    while (*text) {
        if (count == OPS_MAX)
            exit(2);
        op_parse(&ops[count++], &text);
        text += *text == ';';
    }
    run_sequence(ops, count);
    print_story("given");
}

static int usage(void)
{
    fprintf(stderr, "usage: mmfuzz [-v] [-x MASK,...] SEED N|FIRST-LAST...\n"
                    "       mmfuzz -r [-x MASK,...] \"OP ARG...; ...\"...\n");
    return 2;
}

static void drawn(uint64_t seed, const char *range)
{
    char *end;
    unsigned long first = strtoul(range, &end, 0);
    unsigned long last = *end == '-' ? strtoul(end + 1, NULL, 0) : first;

    for (; first <= last; first++)
        drawn_sequence(seed, first);
}

int main(int argc, char **argv)
{
    const char *mask = "";
    int option, given = 0;
    uint64_t seed;

    while ((option = getopt(argc, argv, "rvx:")) != -1) {
        verbose |= option == 'v' || option == 'r';
        given |= option == 'r';
        if (option == 'x')
            mask = optarg;
        if (option == '?')
            return usage();
    }
    if (argc - optind < 2 - given)
        return usage();
    mask_add(mask);
    printf("mmfuzz: masked: %s\n", *mask ? mask : "nothing");
    fflush(stdout);
    log_map(LOG_SIZE);
    seed = given ? 0 : strtoul(argv[optind++], NULL, 0);
    for (; optind < argc; optind++) {
        if (given)
            given_sequence(argv[optind]);
        else
            drawn(seed, argv[optind]);
    }
    return 0;
}

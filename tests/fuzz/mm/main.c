/*
 * mmfuzz [-v] [-u N] [-x MASK,...] SEED|FIRST-LAST N|FIRST-LAST...
 * mmfuzz [-v] [-u N] [-x MASK,...] SEED/N...
 * mmfuzz -r [-x MASK,...] "OP ARG...; OP ARG...; ..."...
 *
 * Draws the sequences of SEED that have these numbers and prints a line with
 * the hash of each one's story; -v: the story itself. -r: runs the given
 * sequences and prints their stories. -u: other sequences, all of which are
 * about userfaultfds, their operations drawn N times as often.
 * MASK leaves operations out: see mask_add_one(). What is masked is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mmfuzz.h"
#include "uffd.h"

#define SEQUENCE_OPS 40
#define MAPPINGS     4 /* in the beginning, not to draw at nothing */
#define LOG_SIZE     (1 << 20)

static int verbose;
static unsigned uffd_more; /* -u */

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
    enum theme theme;
    char head[40];
    int i;

    draw_seed(seed << 32 | number);
    theme = uffd_more ? THEME_PAGERS : draw_theme();
    for (i = 0; i < MAPPINGS; i++)
        draw_mapping(&ops[i]);
    if (theme != THEME_ANY) {
        draw_named(&ops[i++], "uffd");
        draw_named(&ops[i++], "uffdreg");
        ops[i - 2].args[0] = ops[i - 1].args[0] = UFFD_FD;
    }
    while (i < SEQUENCE_OPS)
        draw_op(&ops[i++], theme);
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

static void named_sequence(const char *name)
{
    char *end;
    uint64_t seed = strtoul(name, &end, 0);

    if (*end == '/')
        drawn_sequence(seed, strtoul(end + 1, NULL, 0));
    else
        given_sequence(name);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: mmfuzz [-v] [-u N] [-x MASK,...] SEEDS N|FIRST-LAST...\n"
            "       mmfuzz [-v] [-u N] [-x MASK,...] SEED/N...\n"
            "       mmfuzz -r [-x MASK,...] \"OP ARG...; ...\"...\n");
    return 2;
}

/* N or FIRST-LAST */
struct range {
    unsigned long first, last;
};

static struct range parse_range(const char *text)
{
    char *end;
    struct range range = {.first = strtoul(text, &end, 0)};

    range.last = *end == '-' ? strtoul(end + 1, NULL, 0) : range.first;
    return range;
}

static void drawn(uint64_t seed, const char *numbers)
{
    struct range range = parse_range(numbers);

    for (; range.first <= range.last; range.first++)
        drawn_sequence(seed, range.first);
}

int main(int argc, char **argv)
{
    const char *mask = "";
    int option, given = 0;
    struct range seeds = {0, 0};

    while ((option = getopt(argc, argv, "rvu:x:")) != -1) {
        verbose |= option == 'v' || option == 'r';
        given |= option == 'r';
        if (option == 'u')
            draw_more(uffd_more = atoi(optarg));
        if (option == 'x')
            mask = optarg;
        if (option == '?')
            return usage();
    }
    if (optind == argc)
        return usage();
    given |= strchr(argv[optind], '/') != NULL;
    if (argc - optind < 2 - given)
        return usage();
    mask_add(mask);
    printf("mmfuzz: masked: %s\n", *mask ? mask : "nothing");
    fflush(stdout);
    log_map(LOG_SIZE);
    if (!given)
        seeds = parse_range(argv[optind++]);
    for (; seeds.first <= seeds.last; seeds.first++)
        for (int i = optind; i < argc; i++) {
            if (given)
                named_sequence(argv[i]);
            else
                drawn(seeds.first, argv[i]);
        }
    return 0;
}

/* Chance: arguments that collide often and are wrong now and then. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mmfuzz.h"

static uint64_t state;
static unsigned more = 1;

void draw_seed(uint64_t seed)
{
    state = seed;
}

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

unsigned draw_below(unsigned limit)
{
    return (next_random() >> 32) % limit;
}

static long wild_address(void)
{
    static const long wild[] = {
        0x7ffffffff000,           1L << 47,
        (long)0x8000000000000000, (long)0xffff888000000000,
        (long)0xffffffff80000000, -(long)PAGE,
    };

    return wild[draw_below(sizeof(wild) / sizeof(wild[0]))];
}

long draw_page(void)
{
    unsigned die = draw_below(128), page;

    if (die == 0)
        return wild_address();
    page = die < 96 ? ARENA_PAGES / 4 + draw_below(ARENA_PAGES / 2)
                    : draw_below(ARENA_PAGES);
    return ARENA + page * PAGE + (die == 1 ? 1 + draw_below(PAGE - 1) : 0);
}

static long odd_length(void)
{
    switch (draw_below(5)) {
    case 0:
        return 0;
    case 1:
        return -(long)PAGE * draw_below(3) - 1;
    case 2:
        return 1L << 40; /* up to, and not over, the log */
    default:
        return 1 + draw_below(4 * PAGE);
    }
}

long draw_length(void)
{
    unsigned die = draw_below(32);

    if (die == 0)
        return odd_length();
    if (die < 20)
        return (1 + draw_below(4)) * PAGE;
    return (1 + draw_below(die < 28 ? 8 : 17)) * PAGE;
}

long draw_prot(void)
{
    static const long usual[] = {
        PROT_READ | PROT_WRITE,
        PROT_READ | PROT_WRITE,
        PROT_READ | PROT_WRITE,
        PROT_READ,
        PROT_READ,
        PROT_NONE,
        PROT_WRITE,
        PROT_READ | PROT_EXEC,
        PROT_READ | PROT_WRITE | PROT_EXEC,
        PROT_EXEC,
    };
    static const long odd[] = {8, 0x10, 0x80, 1L << 31, 1L << 32};
    long prot = usual[draw_below(sizeof(usual) / sizeof(usual[0]))];

    if (!draw_below(64))
        prot |= odd[draw_below(sizeof(odd) / sizeof(odd[0]))];
    return prot;
}

static unsigned weight(const struct call *call, enum theme theme)
{
    if (theme == THEME_PAGERS)
        return call->weight * (call->theme == THEME_ANY ? 1 : more);
    return call->theme == THEME_ANY || call->theme == theme ? call->weight : 0;
}

static const struct call *draw_call(enum theme theme)
{
    const struct call *call;
    unsigned total = 0, die;

    for (call = calls; call->name; call++)
        total += weight(call, theme);
    die = draw_below(total);
    for (call = calls; die >= weight(call, theme); call++)
        die -= weight(call, theme);
    return call;
}

static void draw_args(struct op *op, const struct call *call)
{
    op->call = call;
    for (int i = 0; i < ARGS_MAX; i++)
        op->args[i] = 0;
    if (call->draw)
        call->draw(op->args);
}

enum theme draw_theme(void)
{
    return draw_below(THEMES);
}

void draw_more(unsigned times)
{
    more = times;
}

void draw_op(struct op *op, enum theme theme)
{
    draw_args(op, draw_call(theme));
}

void draw_named(struct op *op, const char *name)
{
    draw_args(op, call_find(name, strlen(name)));
}

void draw_mapping(struct op *op)
{
    draw_named(op, "mmap");
    op->args[3] |= MAP_FIXED;
    if (op->args[1] == (long)PAGE)
        op->args[1] = ARENA_PAGES / 4 * PAGE;
}

/* Operations as text, and the mask of those that are not to be run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmfuzz.h"

#define MASKS_MAX 64

/* All operations NAME; or those whose argument INDEX is VALUE ('='), has any
 * bit of it ('&'), or has all of them ('^'). */
static struct mask {
    const struct call *call;
    char how; /* '=', '&', '^', or 0 */
    int index;
    long value;
} masks[MASKS_MAX];
static int mask_count;

static void bad_text(const char *what, const char *text)
{
    fprintf(stderr, "mmfuzz: %s: %.40s\n", what, text);
    exit(2);
}

const struct call *call_find(const char *name, size_t size)
{
    const struct call *call = calls;

    while (call->name && (strncmp(call->name, name, size) || call->name[size]))
        call++;
    return call->name ? call : NULL;
}

void op_parse(struct op *op, const char **text)
{
    const char *p = *text + strspn(*text, " ");
    size_t size = strcspn(p, " ;");
    char *end;

    memset(op, 0, sizeof(*op));
    op->call = call_find(p, size);
    if (!op->call)
        bad_text("no such operation", p);
    p += size;
    for (unsigned i = 0; i < op->call->argc; i++) {
        op->args[i] = *p == ' ' && p[1] == '-' ? strtol(p, &end, 0)
                                               : (long)strtoul(p, &end, 0);
        if (end == p)
            bad_text("an argument is missing", p);
        p = end;
    }
    p += strspn(p, " ");
    if (*p && *p != ';')
        bad_text("too many arguments", *text);
    *text = p;
}

/* One of "NAME", "NAME.INDEX=VALUE", "NAME.INDEX&VALUE" and "...^VALUE". */
static void mask_add_one(const char *word, size_t size)
{
    struct mask *mask = &masks[mask_count++];
    size_t name = strcspn(word, ".,");

    if (mask_count > MASKS_MAX)
        bad_text("too many masks", word);
    mask->call = call_find(word, name < size ? name : size);
    if (!mask->call)
        bad_text("no such operation to mask", word);
    if (name >= size)
        return;
    mask->index = word[name + 1] - '0';
    mask->how = word[name + 2];
    mask->value = strtol(word + name + 3, NULL, 0);
    if (mask->index < 0 || mask->index >= ARGS_MAX || !strchr("=&^", mask->how))
        bad_text("no such mask", word);
}

void mask_add(const char *words)
{
    while (*words) {
        size_t size = strcspn(words, ",");

        if (size)
            mask_add_one(words, size);
        words += size + (words[size] == ',');
    }
}

static int matches(const struct mask *mask, const struct op *op)
{
    long value = op->args[mask->index];

    if (mask->call != op->call)
        return 0;
    if (mask->how == '=')
        return value == mask->value;
    if (mask->how == '^')
        return (value & mask->value) == mask->value;
    return !mask->how || (value & mask->value);
}

int op_masked(const struct op *op)
{
    for (int i = 0; i < mask_count; i++)
        if (matches(&masks[i], op))
            return 1;
    return 0;
}

/* The story of one sequence: text in memory that children share. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "mmfuzz.h"

/* Beyond whatever an operation with a huge length may take away. */
#define LOG_AT ((void *)0x200000000000)

static struct story {
    size_t room, used;
    char text[];
} * story;

void log_map(size_t size)
{
    story = mmap(LOG_AT, size, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (story != LOG_AT)
        abort();
    story->room = size - sizeof(*story);
}

void log_reset(void)
{
    story->used = 0;
    story->text[0] = 0;
}

void log_text(const char *format, ...)
{
    size_t room = story->room - story->used;
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(story->text + story->used, room, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= room)
        abort();
    story->used += size;
}

const char *log_story(void)
{
    return story->text;
}

/* FNV-1a */
uint64_t log_hash(void)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < story->used; i++)
        hash = (hash ^ (unsigned char)story->text[i]) * 0x100000001b3;
    return hash;
}

void log_op(const struct op *op)
{
    log_text("%s", op->call->name);
    for (unsigned i = 0; i < op->call->argc; i++) {
        if (op->args[i] < 0 && op->args[i] > -256)
            log_text(" %ld", op->args[i]);
        else
            log_text(" %#lx", op->args[i]);
    }
}

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
    /* What the server did, until the operation has its result */
    size_t events_used;
    char events[1 << 16];
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
    story->used = story->events_used = 0;
    story->text[0] = 0;
}

static void add_text(char *text, size_t *used, size_t room, const char *format,
                     va_list args)
{
    int size = vsnprintf(text + *used, room - *used, format, args);

    if (size < 0 || (size_t)size >= room - *used)
        abort();
    *used += size;
}

void log_text(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_text(story->text, &story->used, story->room, format, args);
    va_end(args);
}

void log_event(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_text(story->events, &story->events_used, sizeof(story->events), format,
             args);
    va_end(args);
}

void log_events(void)
{
    if (story->events_used)
        log_text("%s", story->events);
    story->events_used = 0;
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

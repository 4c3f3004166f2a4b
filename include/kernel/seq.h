/* Text into a buffer of fixed size: what does not fit is counted, not kept. */
#pragma once

#include <base/types.h>

struct seq {
    char *buf;
    size_t size, len; /* len may pass size - 1: then something is missing */
};

void seq_printf(struct seq *s, const char *fmt, ...) __printf(2, 3);

/* Blanks until column `width` of the text that began at `from`. */
void seq_pad(struct seq *s, size_t from, size_t width);

/* Whether all that was written so far is there. */
static inline bool seq_fits(const struct seq *s)
{
    return s->len < s->size;
}

/*
 * One boot runs many programs: what tools/selftests writes, and what batch.c
 * reads. Each program is a whole ELF file inside ours.
 */
#ifndef BATCH_H
#define BATCH_H

struct run {
    const char *image;
    const char *end;
    int seconds;       /* of the guest's time that it may take */
    int overcommit;    /* /proc/sys/vm/overcommit_memory meanwhile */
    int orphans;       /* are waited for */
    char *const *argv; /* ends with NULL */
};

/* Ends with an image that is NULL. */
extern const struct run runs[];

#endif

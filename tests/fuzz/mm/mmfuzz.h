/*
 * The differential fuzzer: short sequences of memory calls, drawn at random,
 * over an arena whose address is fixed. Each sequence runs in a child of its
 * own, so it says the same wherever and whenever it is run; its story is text
 * in shared memory. The same program runs on Linux and here: main.c says how
 * it is called, tests/fuzz/differ compares what two runs print.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAGE 4096UL

/* The arena lies across the border of two top-level table entries, with
 * nothing else near: what a call does there depends on no address choice. */
#define ARENA_PAGES 32UL
#define ARENA       (0x10000000000UL - ARENA_PAGES / 2 * PAGE)
#define ARENA_END   (ARENA + ARENA_PAGES * PAGE)

/* Addresses in operations below this are offsets from the program break. */
#define BREAK_SPACE 0x1000000UL
#define BREAK_PAGES 4

#define ARGS_MAX 6
#define SLOTS    3  /* descriptors of memory objects */
#define SLOT_FD  50 /* the first one's number */

/* What a sequence is about, beside what all are about. */
enum theme {
    THEME_ANY,
    THEME_UFFD,
    THEMES,
    THEME_PAGERS = THEMES /* on demand only: uffd's, more of it */
};

struct call {
    const char *name;
    unsigned argc;
    unsigned weight; /* how often it is drawn */
    enum theme theme;
    void (*draw)(long *args);
    long (*run)(const long *args);
};

/* Ends with a call that has no name. */
extern const struct call calls[];

struct op {
    const struct call *call;
    long args[ARGS_MAX];
};

/* ---- draw.c: chance ---- */
void draw_seed(uint64_t seed);
unsigned draw_below(unsigned limit);
long draw_page(void); /* an address in the arena, now and then elsewhere */
long draw_length(void);
long draw_prot(void);
enum theme draw_theme(void);
void draw_more(unsigned times); /* THEME_PAGERS: of what THEME_UFFD has */
void draw_op(struct op *op, enum theme theme);
void draw_named(struct op *op, const char *name);
void draw_mapping(struct op *op); /* what most of the others need first */

/* ---- log.c: the story ---- */
void log_map(size_t size); /* before the first fork */
void log_reset(void);
__attribute__((format(printf, 1, 2))) void log_text(const char *format, ...);
const char *log_story(void);
/* From the server of userfaultfds / into the story. */
__attribute__((format(printf, 1, 2))) void log_event(const char *format, ...);
void log_events(void);
uint64_t log_hash(void);
void log_op(const struct op *op);

/* ---- text.c: operations as text, and which are not to be run ---- */
/* One operation from "NAME ARG..." up to ';' or the end, where it leaves
 * *text; dies if it cannot read it. */
void op_parse(struct op *op, const char **text);
const struct call *call_find(const char *name, size_t size);
void mask_add(const char *words);
int op_masked(const struct op *op);

/* ---- touch.c: memory that may not be there ---- */
void touch_begin(void); /* the handlers */
void *at(long address); /* an operation's address */
int touch_read(const void *p, long *value);
int touch_write(void *p, long value);
int touch_call(void *p);
extern int touch_signal, touch_code; /* of the last failure */
extern unsigned touch_key;           /* if it was for a protection key */
extern uintptr_t touch_address;
void look(void);                              /* at everything, into the log */
void look_at(const void *start, size_t size); /* at what is elsewhere */

/* ---- ops_keys.c ---- */
unsigned keys_rights(void); /* the register; 0 without protection keys */
void keys_set_rights(unsigned value);

/* ---- sys.c ---- */
long sys_call(long number, long a, long b, long c, long d, long e, long f);
#define SYS(nr, ...) SYS_(SYS_##nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define SYS_(nr, a, b, c, d, e, f, ...)                                        \
    sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e),        \
             (long)(f))
int is_error(long result);

/* ---- run.c ---- */
#define OPS_MAX 64

/* Runs the operations in a child and writes their story into the log. */
void run_sequence(const struct op *ops, int count);

/* The next COUNT operations of the running sequence, or all: -1. */
void run_some(int count);
void limit_time(void); /* of the calling process */
extern int in_fork;    /* in a child of the sequence's own child */

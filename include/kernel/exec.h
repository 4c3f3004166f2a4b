/* Programs: ELF64 images in memory objects, static and static-pie. */
#pragma once

#include <base/types.h>

struct mem_object;

/* argv + envp: the strings and eight bytes for each pointer, 128 KiB. */
#define ARG_BYTES_MAX (128ull << 10)

/* argv and envp as the kernel holds them while the old space goes away. */
struct exec_args {
    unsigned argc, envc;
    size_t bytes;  /* used in strings */
    size_t size;   /* room in strings; grows */
    char *strings; /* argv strings then envp strings, each with NUL */
};

/* Room for arguments; -ENOMEM. Freed by exec_args_free(). */
__must_check int exec_args_init(struct exec_args *args);
void exec_args_free(struct exec_args *args);
/* Appends one string: -E2BIG, -ENOMEM. First all of argv, then envp. */
__must_check int exec_args_add(struct exec_args *args, const char *s, bool env);
/* The same from user vectors (NULL: empty): -EFAULT, -E2BIG, -ENOMEM. An empty
 * argv becomes one empty string, as execve(2) says. May sleep. */
__must_check int exec_args_copy(struct exec_args *args, const u64 __user *argv,
                                const u64 __user *envp);

/* A program ready to run: its address space and first registers. */
struct exec_program {
    struct mm_struct *mm;
    u64 ip, sp;
    u64 vdso; /* where its header is */
};

/*
 * Maps the image into a new address space (one user, the caller's) and
 * prepares its stack; name becomes AT_EXECFN. The current task's stack limit
 * holds. No locks held; may sleep. Returns 0; -ENOEXEC (not an ELF we run,
 * truncated, malformed), -ENOMEM, -E2BIG (no room on the stack).
 */
__must_check int exec_load(struct mem_object *image, const char *name,
                           const struct exec_args *args,
                           struct exec_program *program);

/* kernel/vdso.c: makes the objects, once, and maps them into a new space: *at
 * is where the code is. Returns 0, -ENOMEM. */
void vdso_init(void);
__must_check int vdso_map(struct mm_struct *mm, u64 *at);

/* The second half of exec_load() (kernel/exec_stack.c): strings, vectors and
 * auxiliary vector at the top of the new stack. Fills program->sp. */
struct elf_image;
__must_check int exec_stack_build(struct exec_program *program,
                                  const struct elf_image *elf, const char *name,
                                  const struct exec_args *args);

/* Replaces the current task's program; its other threads are killed first, and
 * until they are gone the call can fail (-EAGAIN: it is dying itself) with
 * nothing changed. Returns -errno as exec_load(), or 0 when the user registers
 * are those of the new program. */
__must_check int exec_current(struct mem_object *image, const char *name,
                              const struct exec_args *args);

/*
 * argv and envp on their way from the old address space to the new one: all
 * strings one after another in one kernel buffer that doubles as it fills.
 */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/exec.h>
#include <mm/slab.h>

#define ARG_BYTES_START 2048

int exec_args_init(struct exec_args *args)
{
    memset(args, 0, sizeof(*args));
    args->strings = kmalloc(ARG_BYTES_START);
    if (!args->strings)
        return -ENOMEM;
    args->size = ARG_BYTES_START;
    return 0;
}

void exec_args_free(struct exec_args *args)
{
    kfree(args->strings);
    args->strings = NULL;
}

static int args_grow(struct exec_args *args)
{
    char *bigger;

    if (args->size >= ARG_BYTES_MAX)
        return -E2BIG;
    bigger = kmalloc(args->size * 2);
    if (!bigger)
        return -ENOMEM;
    memcpy(bigger, args->strings, args->bytes);
    kfree(args->strings);
    args->strings = bigger;
    args->size *= 2;
    return 0;
}

/* A string of n bytes, NUL included, stands at the end of the buffer. */
static int args_took(struct exec_args *args, size_t n, bool env)
{
    u64 pointers = args->argc + args->envc + 1;

    if (args->bytes + n + pointers * sizeof(u64) > ARG_BYTES_MAX)
        return -E2BIG;
    args->bytes += n;
    if (env)
        args->envc++;
    else
        args->argc++;
    return 0;
}

int exec_args_add(struct exec_args *args, const char *s, bool env)
{
    size_t n = strlen(s) + 1;
    int r;

    while (n > args->size - args->bytes) {
        r = args_grow(args);
        if (r)
            return r;
    }
    memcpy(args->strings + args->bytes, s, n);
    return args_took(args, n, env);
}

static int args_add_user(struct exec_args *args, const char __user *s, bool env)
{
    ssize_t n;
    int r;

    for (;;) {
        size_t room = args->size - args->bytes;

        n = strncpy_from_user(args->strings + args->bytes, s, room);
        if (n >= 0)
            return args_took(args, n + 1, env);
        if (n != -ENAMETOOLONG)
            return n;
        r = args_grow(args);
        if (r)
            return r;
    }
}

static int args_add_vector(struct exec_args *args, const u64 __user *vector,
                           bool env)
{
    u64 s;
    int r;

    if (!vector)
        return 0;
    for (;; vector++) {
        if (get_user_64(&s, vector))
            return -EFAULT;
        if (!s)
            return 0;
        r = args_add_user(args, (const char __user *)s, env);
        if (r)
            return r;
    }
}

int exec_args_copy(struct exec_args *args, const u64 __user *argv,
                   const u64 __user *envp)
{
    int r = args_add_vector(args, argv, false);

    if (!r && !args->argc)
        r = exec_args_add(args, "", false);
    return r ? r : args_add_vector(args, envp, true);
}

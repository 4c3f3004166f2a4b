/*
 * The first task. pid 1 begins as a kernel thread of its task: it opens its
 * own descriptors (the console, then every boot module), builds argv and
 * environment, runs execve's machinery on module `init` and leaves for user
 * mode. The boot contract is in docs/booting.md.
 */
#include <arch/machine.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/boot_info.h>
#include <kernel/console.h>
#include <kernel/exec.h>
#include <kernel/file.h>
#include <kernel/task.h>

#define FIRST_MODULE_FD 3

/* Room for MODULES=: a name, a colon, a number and a comma each. */
#define ENV_SIZE (16 + BOOT_MAX_MODULES * (BOOT_NAME_MAX + 6))

static void boot_error(const char *what, int error) __noreturn;
static void boot_error(const char *what, int error)
{
    console_panic_mode(); /* `quiet` must not hide this */
    printk("faultline: cannot start init: %s (error %d)\n", what, -error);
    machine_end(-1, END_BOOT_ERROR);
}

/* Gives f the next free descriptor; f NULL: there was no memory. */
static void install(struct file *f, int fd)
{
    int r = f ? fd_install(f, false, 0) : -ENOMEM;

    if (r != fd)
        boot_error("no descriptor", r < 0 ? r : -EMFILE);
}

static struct mem_object *module_object(const struct boot_module *m)
{
    struct mem_object *object =
        object_create_module(m->name, m->start, m->end - m->start);

    if (!object)
        boot_error("no memory for a boot module", -ENOMEM);
    return object;
}

static void install_console(void)
{
    struct file *f = console_open();

    install(f, 0);
    for (int fd = 1; fd <= 2; fd++) {
        file_get(f);
        install(f, fd);
    }
}

/* Every module as a descriptor; returns the object of `init` with a reference
 * for the caller. */
static struct mem_object *install_modules(void)
{
    struct mem_object *init = NULL;

    for (unsigned i = 0; i < boot_info.module_count; i++) {
        struct mem_object *object = module_object(&boot_info.modules[i]);

        install(object_file_create(object, O_RDONLY), FIRST_MODULE_FD + i);
        if (!init && !strcmp(boot_info.modules[i].name, "init"))
            init = object;
        else
            object_put(object);
    }
    if (!init)
        boot_error("no boot module `init`", -ENOENT);
    return init;
}

static int add_words(struct exec_args *args, const char *text)
{
    char word[128];
    size_t n;
    int r = 0;

    while (!r && *text) {
        for (n = 0; *text && *text != ' '; text++)
            if (n < sizeof(word) - 1)
                word[n++] = *text;
        word[n] = 0;
        if (n)
            r = exec_args_add(args, word, false);
        while (*text == ' ')
            text++;
    }
    return r;
}

static int add_modules(struct exec_args *args)
{
    char *text = kmalloc(ENV_SIZE);
    size_t n;
    int r;

    if (!text)
        return -ENOMEM;
    n = snprintk(text, ENV_SIZE, "MODULES=");
    for (unsigned i = 0; i < boot_info.module_count; i++)
        n += snprintk(text + n, ENV_SIZE - n, "%s%s:%u", i ? "," : "",
                      boot_info.modules[i].name, FIRST_MODULE_FD + i);
    r = exec_args_add(args, text, true);
    kfree(text);
    return r;
}

static int run_init(struct mem_object *image)
{
    struct exec_args args;
    int r = exec_args_init(&args);

    if (r)
        return r;
    r = exec_args_add(&args, "init", false);
    if (!r)
        r = add_words(&args, boot_init_args());
    if (!r)
        r = add_modules(&args);
    if (!r)
        r = exec_current(image, "init", &args);
    exec_args_free(&args);
    return r;
}

static void init_main(void *unused)
{
    struct mem_object *image;
    int r;

    (void)unused;
    irq_enable();
    install_console();
    image = install_modules();
    r = run_init(image);
    object_put(image);
    if (r)
        boot_error("boot module `init` does not load", r);
    printk("boot: %llu instructions to ring 3\n",
           (unsigned long long)(cycles() - boot_info.first_cycles));
    irq_disable();
    arch_enter_user();
}

void init_task_start(void)
{
    struct task *task;
    struct thread *t;

    task_cache_init();
    vdso_init();
    if (shutdown_init() || ktimer_init())
        boot_error("no memory", -ENOMEM);
    frames_before_tasks = frames_in_use();
    task = task_create(NULL);
    t = task ? thread_create(task) : NULL;
    if (!t || !(t->files = files_create()) ||
        !(task->sighand = sighand_copy(NULL)) || task_publish(task, t, false))
        boot_error("no memory", -ENOMEM);
    str_copy(task->name, "init", sizeof(task->name));
    str_copy(t->name, "init", sizeof(t->name));
    arch_thread_init_kernel(t, init_main, NULL);
    thread_start(t);
}

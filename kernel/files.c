/*
 * The descriptor table: numbers to open descriptions. It starts with the slots
 * in the structure itself and doubles up to FILES_MAX. Its spinlock guards the
 * slots; files are put, and tables allocated and freed, outside it.
 */
#include <base/spinlock.h>
#include <base/string.h>
#include <kernel/file.h>
#include <kernel/thread.h>

#define FILES_FIRST 16

struct fd_slot {
    struct file *file; /* NULL: free */
    bool cloexec;
};

struct files {
    u32 refcount; /* atomic */
    spinlock_t lock;
    int capacity; /* slots there are */
    int lowest;   /* no free slot below this one */
    struct fd_slot *slots;
    struct fd_slot first[FILES_FIRST];
};

struct files *files_create(void)
{
    struct files *files = kzalloc(sizeof(*files));

    if (!files)
        return NULL;
    files->refcount = 1;
    spin_lock_class(&files->lock, LOCK_FILES);
    files->capacity = FILES_FIRST;
    files->slots = files->first;
    return files;
}

void files_get(struct files *files)
{
    __atomic_fetch_add(&files->refcount, 1, __ATOMIC_RELAXED);
}

static void slots_free(struct files *files, struct fd_slot *slots)
{
    if (slots != files->first)
        kfree(slots);
}

void files_put(struct files *files)
{
    int i;

    if (__atomic_fetch_sub(&files->refcount, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    for (i = 0; i < files->capacity; i++)
        if (files->slots[i].file)
            file_put(files->slots[i].file);
    slots_free(files, files->slots);
    kfree(files);
}

/* Makes the table hold slot fd < FILES_MAX. Lock not held: 0 or -ENOMEM. */
static int files_grow(struct files *files, int fd)
{
    struct fd_slot *slots, *old;
    int capacity = FILES_FIRST;

    while (capacity <= fd)
        capacity *= 2;
    slots = kzalloc((size_t)capacity * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    spin_lock(&files->lock);
    old = slots;
    if (capacity > files->capacity) {
        old = files->slots;
        memcpy(slots, old, (size_t)files->capacity * sizeof(*slots));
        files->slots = slots;
        files->capacity = capacity;
    }
    spin_unlock(&files->lock);
    slots_free(files, old);
    return 0;
}

/* Copies the slots that fit, each file with a reference. Both tables' slots
 * stay put: from is locked, to is nobody else's. */
static void slots_copy(struct files *to, const struct files *from)
{
    int i;

    for (i = 0; i < from->capacity; i++) {
        to->slots[i] = from->slots[i];
        if (to->slots[i].file)
            file_get(to->slots[i].file);
    }
    to->lowest = from->lowest;
}

struct files *files_dup(struct files *files)
{
    struct files *copy = files_create();

    if (!copy)
        return NULL;
    for (;;) {
        int need;

        spin_lock(&files->lock);
        need = files->capacity;
        if (need <= copy->capacity)
            break;
        spin_unlock(&files->lock);
        if (files_grow(copy, need - 1)) {
            files_put(copy);
            return NULL;
        }
    }
    slots_copy(copy, files);
    spin_unlock(&files->lock);
    return copy;
}

bool files_hold(struct files *files, const void *data)
{
    bool found = false;

    spin_lock(&files->lock);
    for (int i = 0; i < files->capacity && !found; i++)
        found = files->slots[i].file && files->slots[i].file->data == data;
    spin_unlock(&files->lock);
    return found;
}

void file_close(struct file *f)
{
    if (unlikely(f->ops->closed))
        f->ops->closed(f);
    file_put(f);
}

void files_set(struct files *files)
{
    struct thread *t = current;
    struct files *old = t->files;

    spin_lock(&task_lock); /* task_fd_get() looks at others' */
    t->files = files;
    spin_unlock(&task_lock);
    files_put(old);
}

int files_unshare(void)
{
    struct files *files;

    if (READ_ONCE(current->files->refcount) == 1)
        return 0;
    files = files_dup(current->files);
    if (!files)
        return -ENOMEM;
    files_set(files);
    return 0;
}

/* Empties slot i; lock held. */
static struct file *slot_take(struct files *files, int i)
{
    struct file *f = files->slots[i].file;

    files->slots[i] = (struct fd_slot){0};
    if (f && i < files->lowest)
        files->lowest = i;
    return f;
}

void files_close_exec(struct files *files)
{
    struct file *f;
    int i;

    for (i = 0; i < READ_ONCE(files->capacity); i++) {
        f = NULL;
        spin_lock(&files->lock);
        if (files->slots[i].cloexec)
            f = slot_take(files, i);
        spin_unlock(&files->lock);
        if (f)
            file_close(f);
    }
}

u64 fd_ceiling(void)
{
    return min(READ_ONCE(current->task->limits[RLIMIT_NOFILE].cur),
               (u64)FILES_MAX);
}

/* The lowest free slot >= from, maybe just past the table's end; lock held. */
static int slot_find(struct files *files, int from)
{
    int i = max(from, files->lowest);

    while (i < files->capacity && files->slots[i].file)
        i++;
    if (from <= files->lowest)
        files->lowest = i;
    return i;
}

/* The lowest free slot >= from, with the lock then held; else -errno. */
static int slot_reserve(struct files *files, int from)
{
    u64 limit = fd_ceiling();
    int fd, r;

    for (;;) {
        spin_lock(&files->lock);
        fd = slot_find(files, from);
        if (fd < files->capacity && (u64)fd < limit)
            return fd;
        spin_unlock(&files->lock);
        if ((u64)fd >= limit)
            return -EMFILE;
        r = files_grow(files, fd);
        if (r)
            return r;
    }
}

int fd_install(struct file *f, bool cloexec, int from)
{
    struct files *files = current->files;
    int fd = slot_reserve(files, from);

    if (fd < 0) {
        file_put(f);
        return fd;
    }
    files->slots[fd] = (struct fd_slot){f, cloexec};
    spin_unlock(&files->lock);
    return fd;
}

int fd_replace(struct file *f, bool cloexec, int fd)
{
    struct files *files = current->files;
    struct file *old;

    int r = (u64)(s64)fd >= fd_ceiling() ? -EBADF : 0;

    if (!r && fd >= READ_ONCE(files->capacity))
        r = files_grow(files, fd);
    if (r) {
        file_put(f);
        return r;
    }
    spin_lock(&files->lock);
    old = files->slots[fd].file;
    files->slots[fd] = (struct fd_slot){f, cloexec};
    spin_unlock(&files->lock);
    if (old)
        file_close(old);
    return fd;
}

struct file *fd_get(int fd)
{
    struct files *files = current->files;
    struct file *f = NULL;

    spin_lock(&files->lock);
    if (likely((u32)fd < (u32)files->capacity)) {
        f = files->slots[fd].file;
        if (likely(f != NULL))
            file_get(f);
    }
    spin_unlock(&files->lock);
    return f;
}

struct file *task_fd_get(struct task *task, int fd, bool *cloexec)
{
    struct file *f = NULL;
    struct files *files = NULL;

    spin_lock(&task_lock);
    if (!list_empty(&task->threads))
        files =
            list_first_entry(&task->threads, struct thread, task_link)->files;
    if (files) {
        spin_lock(&files->lock);
        if ((u32)fd < (u32)files->capacity) {
            f = files->slots[fd].file;
            *cloexec = files->slots[fd].cloexec;
        }
        if (f)
            file_get(f);
        spin_unlock(&files->lock);
    }
    spin_unlock(&task_lock);
    return f;
}

struct file *fd_take(int fd)
{
    struct files *files = current->files;
    struct file *f = NULL;

    spin_lock(&files->lock);
    if ((u32)fd < (u32)files->capacity)
        f = slot_take(files, fd);
    spin_unlock(&files->lock);
    return f;
}

int fd_cloexec(int fd, int set)
{
    struct files *files = current->files;
    int was = -EBADF;

    spin_lock(&files->lock);
    if ((u32)fd < (u32)files->capacity && files->slots[fd].file) {
        was = files->slots[fd].cloexec;
        if (set >= 0)
            files->slots[fd].cloexec = set;
    }
    spin_unlock(&files->lock);
    return was;
}

int fd_limit(void)
{
    return READ_ONCE(current->files->capacity);
}

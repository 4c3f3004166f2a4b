/*
 * Seals: promises about an object that nobody can take back, see fcntl(2).
 * They hold for the calls that take object->change, and for mappings.
 */
#include <mm/internal.h>

#define SEALS_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define SEALS_DATA  (F_SEAL_SHRINK | F_SEAL_GROW | SEALS_WRITE)
#define SEALS_ALL   (SEALS_DATA | F_SEAL_SEAL | F_SEAL_EXEC)

/* Somebody can write through a mapping, now or after an mprotect().
 * object->lock held. */
static bool mapped_for_writing(struct mem_object *object)
{
    const u64 flags = VM_SHARED | VM_MAYWRITE;
    struct interval_node *node = interval_first(&object->mappings, 0, ~0ull);

    for (; node; node = interval_next(node, 0, ~0ull)) {
        const struct vm_area_struct *vma =
            container_of(node, struct vm_area_struct, vm_object_node);

        if ((READ_ONCE(vma->vm_flags) & flags) == flags)
            return true;
    }
    return object->mapping_shared;
}

/* object->change and object->lock held. */
static int add_seals(struct mem_object *object, u32 seals)
{
    if (object->seals & F_SEAL_SEAL)
        return -EPERM;
    /* What stays executable must not change. */
    if ((seals & F_SEAL_EXEC) && (object->mode & 0111))
        seals |= SEALS_DATA;
    if ((seals & F_SEAL_WRITE) && mapped_for_writing(object))
        return -EBUSY;
    object->seals |= seals;
    return 0;
}

int object_add_seals(struct mem_object *object, u32 seals)
{
    int r;

    if (seals & ~SEALS_ALL)
        return -EINVAL;
    rwsem_down_write(&object->change);
    spin_lock(&object->lock);
    r = add_seals(object, seals);
    spin_unlock(&object->lock);
    rwsem_up_write(&object->change);
    return r;
}

bool object_map_shared_begin(struct mem_object *object)
{
    bool allowed;

    spin_lock(&object->lock);
    allowed = !(object->seals & SEALS_WRITE);
    object->mapping_shared += allowed;
    spin_unlock(&object->lock);
    return allowed;
}

void object_map_shared_end(struct mem_object *object)
{
    spin_lock(&object->lock);
    object->mapping_shared--;
    spin_unlock(&object->lock);
}

/* Between the files that show areas (proc_maps.c, proc_smaps.c, ...) only. */
#pragma once

#include <kernel/procfs.h>
#include <mm/mm.h>

#define VMA_NAME_SIZE 288 /* "/memfd:", 249 bytes, " (deleted)" */

/* What a line of maps says. */
struct maps_line {
    u64 start, end, flags, offset, inode;
    u32 device; /* its minor number; the major one is 0 */
    char name[VMA_NAME_SIZE];
};

/* The area's name: its object's, or what it is in its space; else empty. */
void vma_name(const struct vm_area_struct *vma, char *name, size_t size);

void maps_line_of(const struct vm_area_struct *vma, struct maps_line *line);
void maps_line(struct seq *s, const struct maps_line *line);

/* A proc_entry.show of one record for each area, made by show with the mmap
 * lock held for read. The cursor is the address where the next begins. */
int maps_walk(const struct proc_file *p, struct seq *s, u64 *cursor,
              void (*show)(const struct proc_file *p, struct seq *s,
                           struct vm_area_struct *vma));

/*
 * Areas: find, insert, split and the eight cases of merging, each against a
 * drawing; then random changes against an array with one entry per page.
 *
 * In the drawings a letter is a page of an area of that shape, a dot a free
 * page; a bar ends an area where the letters alone would not.
 */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <mm/userfaultfd.h>

#define BASE  0x200000ul
#define PAGES 96u

static struct mm_struct *mm;
static struct mem_object *objects[2];
static struct userfaultfd_ctx contexts[2];

/* Shape 'a' + i. From 'd' on with objects (page offset = page number), then
 * with userfaultfd contexts. */
static const struct {
    u64 flags;
    int object, uffd; /* index + 1 */
} shapes[] = {
    {VM_READ, 0, 0},
    {VM_READ | VM_WRITE, 0, 0},
    {VM_READ | VM_EXEC, 0, 0},
    {VM_READ, 1, 0},
    {VM_READ, 2, 0},
    {VM_READ | VM_WRITE | VM_SHARED, 2, 0},
    {VM_READ | VM_UFFD_MISSING, 0, 1},
    {VM_READ | VM_UFFD_MISSING, 0, 2},
    {VM_READ | VM_GROWSDOWN, 0, 0},
};
#define SHAPES ARRAY_SIZE(shapes)

static u64 address(unsigned page)
{
    return BASE + page * PAGE_SIZE;
}

static struct vma_shape shape_at(char c, unsigned page)
{
    unsigned i = (unsigned)(c - 'a');
    struct vma_shape s = {.flags = shapes[i].flags};

    s.pgoff = shapes[i].object ? page : address(page) >> PAGE_SHIFT;
    if (shapes[i].object)
        s.object = objects[shapes[i].object - 1];
    if (shapes[i].uffd)
        s.uffd = &contexts[shapes[i].uffd - 1];
    return s;
}

static struct vm_area_struct *area(unsigned first, unsigned end, char c)
{
    struct vma_shape s = shape_at(c, first);
    struct vm_area_struct *vma = vma_alloc(mm);

    assert_non_null(vma);
    vma->vm_start = address(first);
    vma->vm_end = address(end);
    vma->vm_flags = s.flags;
    vma->vm_pgoff = s.pgoff;
    vma->vm_object = s.object;
    if (s.object)
        object_get(s.object);
    vma->vm_uffd = s.uffd;
    if (s.uffd)
        userfaultfd_ctx_get(s.uffd);
    return vma;
}

static char shape_of(const struct vm_area_struct *vma)
{
    unsigned page = (unsigned)((vma->vm_start - BASE) >> PAGE_SHIFT);

    for (char c = 'a'; c < (char)('a' + SHAPES); c++) {
        struct vma_shape s = shape_at(c, page);

        if (vma->vm_flags == s.flags && vma->vm_object == s.object &&
            vma->vm_uffd == s.uffd && vma->vm_pgoff == s.pgoff)
            return c;
    }
    fail_msg("area %lx-%lx has no known shape", vma->vm_start, vma->vm_end);
    return 0;
}

static void draw(const char *picture)
{
    unsigned page = 0;

    for (const char *p = picture; *p;) {
        const char *q = p;

        while (*q == *p)
            q++;
        if (*p == '|') {
            p++;
            continue;
        }
        if (*p != '.')
            assert_int_equal(
                vma_insert(mm, area(page, page + (unsigned)(q - p), *p)), 0);
        page += (unsigned)(q - p);
        p = q;
    }
}

static void check_picture(const char *picture)
{
    char text[2 * PAGES + 1], *t = text;
    struct vm_area_struct *vma;
    u64 at = BASE;

    assert_int_equal(validate_mm(mm), 0);
    for_each_vma (mm, vma) {
        if (vma->vm_prev && vma->vm_prev->vm_end == vma->vm_start &&
            shape_of(vma->vm_prev) == shape_of(vma))
            *t++ = '|';
        for (; at < vma->vm_start; at += PAGE_SIZE)
            *t++ = '.';
        for (; at < vma->vm_end; at += PAGE_SIZE)
            *t++ = shape_of(vma);
    }
    *t = '\0';
    assert_string_equal(text, picture);
}

static int setup(void **state)
{
    fake_mark(state);
    mm = mm_create();
    for (unsigned i = 0; i < 2; i++) {
        objects[i] = object_create_shmem(PAGES * PAGE_SIZE);
        contexts[i] = (struct userfaultfd_ctx){.refcount = 1, .mm = mm};
    }
    return mm && objects[0] && objects[1] ? 0 : -1;
}

static int teardown(void **state)
{
    mm_put(mm);
    for (unsigned i = 0; i < 2; i++) {
        if (objects[i]->refcount != 1 || contexts[i].refcount != 1)
            return -1;
        object_put(objects[i]);
    }
    return fake_check_leaks(state);
}

/* ---- finding ---- */

static void find(void **state __maybe_unused)
{
    struct vm_area_struct *a, *b;

    assert_null(find_vma(mm, 0));
    draw("..aa..bb");
    a = mm->mmap;
    b = a->vm_next;
    assert_ptr_equal(find_vma(mm, 0), a);
    assert_ptr_equal(find_vma(mm, address(2)), a);
    assert_ptr_equal(find_vma(mm, address(4) - 1), a);
    assert_ptr_equal(find_vma(mm, address(4)), b);
    assert_ptr_equal(find_vma(mm, address(8) - 1), b);
    assert_null(find_vma(mm, address(8)));
    assert_null(find_vma_intersection(mm, address(4), address(6)));
    assert_ptr_equal(find_vma_intersection(mm, address(4), address(7)), b);
    assert_ptr_equal(find_vma_intersection(mm, 0, TASK_SIZE), a);
}

static void place(void **state __maybe_unused)
{
    struct vma_place p;
    struct vm_area_struct *vma;

    draw("..aa..bb");
    assert_int_equal(vma_find_place(mm, address(3), address(5), &p), -ENOMEM);
    assert_int_equal(vma_find_place(mm, address(5), address(7), &p), -ENOMEM);
    assert_int_equal(vma_find_place(mm, address(0), address(9), &p), -ENOMEM);
    assert_int_equal(vma_find_place(mm, address(4), address(6), &p), 0);
    assert_ptr_equal(p.prev, mm->mmap);
    assert_ptr_equal(p.next, mm->mmap->vm_next);
    vma = area(3, 5, 'c');
    assert_int_equal(vma_insert(mm, vma), -ENOMEM);
    vma_free(vma);
    check_picture("..aa..bb");
}

static void unlinking(void **state __maybe_unused)
{
    struct vm_area_struct *vma;

    draw("aa.bb.ccdd");
    vma = find_vma(mm, address(3)); /* also the remembered one */
    vma_unlink(mm, vma);
    vma_free(vma);
    check_picture("aa....ccdd");
    assert_ptr_equal(find_vma(mm, address(3)), find_vma(mm, address(6)));
    vma = find_vma(mm, address(8));
    assert_non_null(objects[0]->mappings.node);
    vma_unlink(mm, vma);
    vma_free(vma);
    assert_null(objects[0]->mappings.node);
    check_picture("aa....cc");
}

/* ---- splitting ---- */

static void split(void **state __maybe_unused)
{
    struct vm_area_struct *vma;

    draw("..aaaaaa.dddd");
    vma = find_vma(mm, address(2));
    assert_int_equal(split_vma(mm, vma, address(4), false), 0);
    check_picture("..aa|aaaa.dddd");
    assert_int_equal(vma->vm_end, address(4));
    vma = vma->vm_next;
    assert_int_equal(split_vma(mm, vma, address(5), true), 0);
    check_picture("..aa|a|aaa.dddd");
    assert_int_equal(vma->vm_start, address(5));
    vma = find_vma(mm, address(9));
    assert_int_equal(split_vma(mm, vma, address(10), true), 0);
    check_picture("..aa|a|aaa.d|ddd");
    assert_int_equal(objects[0]->refcount, 3);
}

static void split_fails_whole(void **state __maybe_unused)
{
    unsigned failures = 0;

    draw("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    mm->map_count = MAX_MAP_COUNT;
    assert_int_equal(split_vma(mm, mm->mmap, address(1), false), -ENOMEM);
    mm->map_count = 1;
    for (unsigned page = 1; page < 64;) {
        struct vm_area_struct *vma = find_vma(mm, address(page));
        int r;

        page_alloc_fail_nth(1);
        r = split_vma(mm, vma, address(page), page & 1);
        page_alloc_fail_nth(0);
        assert_int_equal(validate_mm(mm), 0);
        assert_int_equal(mm->map_count, r ? page : page + 1);
        failures += r == -ENOMEM;
        if (r)
            assert_int_equal(split_vma(mm, vma, address(page), true), 0);
        page++;
    }
    assert_true(failures > 0);
}

/* ---- merging ---- */

/* [first, end) turns into shape c; prev as the callers find it. */
static struct vm_area_struct *merge(unsigned first, unsigned end, char c)
{
    struct vma_shape s = shape_at(c, first);
    struct vm_area_struct *vma, *prev = NULL;

    for_each_vma (mm, vma)
        if (vma->vm_start < address(first))
            prev = vma;
    return vma_merge(mm, prev, address(first), address(end), &s);
}

static void merge_case(const char *before, unsigned first, unsigned end, char c,
                       const char *after)
{
    struct vm_area_struct *vma, *merged;

    draw(before);
    merged = merge(first, end, c);
    check_picture(after);
    if (strcmp(before, after)) {
        assert_non_null(merged);
        assert_true(merged->vm_start <= address(first));
        assert_true(merged->vm_end >= address(end));
    } else {
        assert_null(merged);
    }
    while ((vma = mm->mmap)) {
        vma_unlink(mm, vma);
        vma_free(vma);
    }
}

static void merge_cases(void **state __maybe_unused)
{
    /* 1 to 8, as vma_merge.c numbers them */
    merge_case("aaaa....aaaa", 4, 8, 'a', "aaaaaaaaaaaa");
    merge_case("aaaa....bbbb", 4, 8, 'a', "aaaaaaaabbbb");
    merge_case("bbbb....aaaa", 4, 8, 'a', "bbbbaaaaaaaa");
    merge_case("bbbbbbaaaa", 2, 6, 'a', "bbaaaaaaaa");
    merge_case("aaaabbbbbb", 4, 6, 'a', "aaaaaabbbb");
    merge_case("aaaabbbbaaaa", 4, 8, 'a', "aaaaaaaaaaaa");
    merge_case("aaaabbbbcccc", 4, 8, 'a', "aaaaaaaacccc");
    merge_case("ccccbbbbaaaa", 4, 8, 'a', "ccccaaaaaaaa");
}

static void merge_cases_with_objects(void **state __maybe_unused)
{
    merge_case("dddd....dddd", 4, 8, 'd', "dddddddddddd");
    merge_case("ddddeeeedddd", 4, 8, 'd', "dddddddddddd");
    merge_case("eeeeeedddd", 2, 6, 'd', "eedddddddd");
    merge_case("ddddeeeeee", 4, 6, 'd', "ddddddeeee");
    merge_case("ffffeeeedddd", 4, 8, 'd', "ffffdddddddd");
    merge_case("gggghhhhgggg", 4, 8, 'g', "gggggggggggg");
    merge_case("gggghhhhhhhh", 4, 6, 'g', "gggggghhhhhh");
    merge_case("ggggaaaagggg", 4, 8, 'a', "ggggaaaagggg");
}

static void merge_refused(void **state __maybe_unused)
{
    merge_case("bbbb....cccc", 4, 8, 'a', "bbbb....cccc");
    merge_case("aaaa....aaaa", 5, 7, 'a', "aaaa....aaaa");
    merge_case("bbbbbbbb", 2, 6, 'a', "bbbbbbbb");
    merge_case("aaaabbbbbbaaaa", 5, 9, 'a', "aaaabbbbbbaaaa");
    merge_case("", 5, 9, 'a', "");
}

/* Like shape, wrong offset: no merge. */
static void merge_wants_offset(void **state __maybe_unused)
{
    struct vma_shape s = shape_at('d', 4);

    draw("dddd....dddd");
    s.pgoff++;
    assert_null(vma_merge(mm, mm->mmap, address(4), address(8), &s));
    s.pgoff -= 2;
    assert_null(vma_merge(mm, mm->mmap, address(4), address(8), &s));
    check_picture("dddd....dddd");
}

/* ---- everything at once ---- */

static char model[PAGES + 1];

/* Cuts areas at both edges. */
static void clip(unsigned first, unsigned end)
{
    struct vm_area_struct *vma = find_vma(mm, address(first));

    if (vma && vma->vm_start < address(first))
        assert_int_equal(split_vma(mm, vma, address(first), fake_rand(2)), 0);
    vma = find_vma(mm, address(end) - 1);
    if (vma && vma->vm_start < address(end) && vma->vm_end > address(end))
        assert_int_equal(split_vma(mm, vma, address(end), fake_rand(2)), 0);
}

static void unmap(unsigned first, unsigned end)
{
    struct vm_area_struct *vma, *next;

    clip(first, end);
    vma = find_vma_intersection(mm, address(first), address(end));
    for (; vma && vma->vm_start < address(end); vma = next) {
        next = vma->vm_next;
        vma_unlink(mm, vma);
        vma_free(vma);
    }
}

static void map(unsigned first, unsigned end, char c)
{
    unmap(first, end);
    if (!merge(first, end, c))
        assert_int_equal(vma_insert(mm, area(first, end, c)), 0);
}

/* As mprotect(2) does; piecewise, merging by the cases 4 to 8. */
static void change(unsigned first, unsigned end, char c)
{
    while (first < end) {
        struct vm_area_struct *vma = find_vma(mm, address(first));
        unsigned stop;

        if (!vma || vma->vm_start >= address(end))
            return;
        first = (unsigned)((max(vma->vm_start, address(first)) - BASE) >> 12);
        stop = (unsigned)((min(vma->vm_end, address(end)) - BASE) >> 12);
        if (shape_of(vma) != c && !merge(first, stop, c)) {
            unmap(first, stop);
            assert_int_equal(vma_insert(mm, area(first, stop, c)), 0);
        }
        first = stop;
    }
}

static void check_model(void)
{
    char text[PAGES + 1];
    unsigned n = PAGES;

    memcpy(text, model, sizeof(text));
    while (n && text[n - 1] == '.')
        n--;
    text[n] = '\0';
    check_picture(text);
}

static void check_find(void)
{
    unsigned page = (unsigned)fake_rand(PAGES), hit = page;
    struct vm_area_struct *vma = find_vma(mm, address(page) + fake_rand(4096));

    while (hit < PAGES && model[hit] == '.')
        hit++;
    if (hit == PAGES) {
        assert_null(vma);
        return;
    }
    assert_non_null(vma);
    assert_true(vma->vm_end > address(hit));
    assert_true(hit == page ? vma->vm_start <= address(page)
                            : vma->vm_start == address(hit));
}

static void random_ops(void **state __maybe_unused)
{
    memset(model, '.', PAGES);
    for (unsigned op = 0; fake_more(op, 60000); op++) {
        unsigned first = (unsigned)fake_rand(PAGES);
        unsigned end = first + 1 + (unsigned)fake_rand(PAGES - first);
        char c = (char)('a' + fake_rand(SHAPES));
        unsigned what = (unsigned)fake_rand(3);

        if (fake_rand(4))
            end = min(end, first + 8);
        if (what == 0)
            unmap(first, end);
        else if (what == 1)
            map(first, end, c);
        else
            change(first, end, c);
        for (unsigned i = first; i < end; i++)
            if (what != 2 || model[i] != '.')
                model[i] = what ? c : '.';
        check_model();
        check_find();
    }
}

/* ---- validate_mm() sees damage ---- */

static void damage_is_seen(void **state __maybe_unused)
{
    struct vm_area_struct *vma;

    draw("aa.bb.ccdd");
    fake_quiet = true;
    vma = mm->mmap->vm_next;
    mm->map_count++;
    assert_int_equal(validate_mm(mm), -EINVAL);
    mm->map_count--;
    mm->highest_vm_end += PAGE_SIZE;
    assert_int_equal(validate_mm(mm), -EINVAL);
    mm->highest_vm_end -= PAGE_SIZE;
    mm->mmap->vm_start -= PAGE_SIZE; /* the gap below is not what it was */
    assert_int_equal(validate_mm(mm), -EINVAL);
    mm->mmap->vm_start += PAGE_SIZE;
    vma->vm_start -= 2 * PAGE_SIZE; /* overlap */
    assert_int_equal(validate_mm(mm), -EINVAL);
    vma->vm_start += 2 * PAGE_SIZE;
    vma->vm_prev = NULL;
    assert_int_equal(validate_mm(mm), -EINVAL);
    vma->vm_prev = mm->mmap;
    vma->vm_flags |= VM_UFFD_MISSING;
    assert_int_equal(validate_mm(mm), -EINVAL);
    vma->vm_flags &= ~VM_UFFD_MISSING;
    fake_quiet = false;
}

#define VMA_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VMA_TEST(find),
        VMA_TEST(place),
        VMA_TEST(unlinking),
        VMA_TEST(split),
        VMA_TEST(split_fails_whole),
        VMA_TEST(merge_cases),
        VMA_TEST(merge_cases_with_objects),
        VMA_TEST(merge_refused),
        VMA_TEST(merge_wants_offset),
        VMA_TEST(random_ops),
        VMA_TEST(damage_is_seen),
    };

    return cmocka_run_group_tests_name("vma", tests, fake_boot, NULL);
}

/*
 * Linux's own header, but for the bits that only huge pages need: tests of
 * other memory ask for them too and would be skipped where there are none.
 */
#include_next <linux/userfaultfd.h>

#undef UFFD_FEATURE_MISSING_HUGETLBFS
#undef UFFD_FEATURE_MINOR_HUGETLBFS
#define UFFD_FEATURE_MISSING_HUGETLBFS 0
#define UFFD_FEATURE_MINOR_HUGETLBFS   0

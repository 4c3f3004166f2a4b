/* prctl(2): what only Faultline has, see docs/limits.md. */
#ifndef UAPI_FAULTLINE_PRCTL_H
#define UAPI_FAULTLINE_PRCTL_H

/* prctl(PR_MEMORY_GROUP, what, pages): */
#define PR_MEMORY_GROUP 0x464c0001

#define PR_GROUP_CREATE 1 /* a group of our own, of at most so many pages */
#define PR_GROUP_USED   2 /* pages counted in ours; -ESRCH: we have none */
#define PR_GROUP_LIMIT  3

#endif

/* Error numbers inside the kernel: the ABI's own. */
#ifndef BASE_ERRNO_H
#define BASE_ERRNO_H
#include <uapi/faultline/errno.h>
#endif

/* Error numbers inside the kernel: the ABI's own. */
#pragma once
#include <uapi/faultline/errno.h>

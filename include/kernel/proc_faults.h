/* Inside kernel/ only: a task's own view of the fault ledger. */
#pragma once

#include <base/types.h>
#include <uapi/faultline/prctl.h>

/* PR_FAULTS: the caller's faults that are over, with ids above `after`, lowest
 * first: how many, at most count; -EINVAL (count 0), -EFAULT. */
long own_faults(u64 after, struct fault_entry __user *to, u64 count);

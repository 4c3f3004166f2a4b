/*
 * The x87/SSE/AVX state of a thread, as XSAVE lays it out (Intel SDM vol. 1,
 * 13.4): 512 bytes as FXSAVE has them, a 64-byte header, then the rest. The
 * kernel itself never uses these registers (but for pages.S, which leaves them
 * as they were), so the running thread's state is in the CPU; it is saved and
 * restored at every switch.
 */
#pragma once

#include <base/types.h>

#define FXSAVE_SIZE   512
#define MXCSR_DEFAULT 0x1f80u

struct fpu {
    u16 cwd, swd, twd, fop;
    u64 rip, rdp;
    u32 mxcsr, mxcsr_mask;
    u8 st[128], xmm[256];
    u8 padding[48];
    u8 sw_reserved[48]; /* the CPU leaves it to software */
    /* Present with XSAVE only: */
    u64 xstate_bv, xcomp_bv;
    u64 reserved[6];
} __aligned(64);

#define FPU_LEGACY_FEATURES 3ul /* x87 and SSE: what FXSAVE holds */

#define FPU_AVX  4ul
#define FPU_PKRU 0x200ul

/* Bytes of the state this CPU saves, and the components (XCR0; 0: FXSAVE). */
extern u32 fpu_size;
extern u64 fpu_features;

/* An area in its initial state / a copy of the running one; NULL: no memory. */
struct fpu *fpu_alloc(void) __must_check;
void fpu_free(struct fpu *fpu);

/* CPU -> area, area -> CPU. */
static inline void fpu_save(struct fpu *fpu)
{
    if (likely(fpu_features))
        __asm__ volatile("xsave64 %0"
                         : "+m"(*fpu)
                         : "a"((u32)fpu_features), "d"(0)
                         : "memory");
    else
        __asm__ volatile("fxsave64 %0" : "+m"(*fpu)::"memory");
}

static inline void fpu_restore(const struct fpu *fpu)
{
    if (likely(fpu_features))
        __asm__ volatile("xrstor64 %0" ::"m"(*fpu), "a"((u32)fpu_features),
                         "d"(0)
                         : "memory");
    else
        __asm__ volatile("fxrstor64 %0" ::"m"(*fpu) : "memory");
}

/* Makes area the initial state. */
void fpu_reset(struct fpu *fpu);

/* Makes an area used before one that fpu_save() can save to. */
void fpu_reset_header(struct fpu *fpu);

/* The CPU's registers become initial: what a handler starts with. */
void fpu_restore_initial(void);

/*
 * CPU -> user memory, user memory -> CPU, without a copy in between: the
 * address is a multiple of 64 and has room for fpu_size bytes of user space.
 * From the image come the given components, the others become initial;
 * extended: it has more than FXSAVE's part. Returns 0 or -EFAULT (also: not an
 * image the CPU accepts; then the registers are initial).
 */
__must_check int fpu_save_user(struct fpu __user *fpu);
__must_check int fpu_restore_user(const struct fpu __user *fpu, bool extended,
                                  u64 features);

/* Puts the register of protection keys into an image in user memory, instead
 * of what fpu_save_user() found. -EFAULT. */
__must_check int fpu_put_pkru(struct fpu __user *fpu, u32 pkru);

/* The si_code that the pending exceptions stand for (#MF: x87, else SSE). */
int fpu_exception_code(bool x87);

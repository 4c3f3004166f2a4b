/*
 * x87, SSE and AVX state of threads (Intel SDM vol. 1, chapter 13): the area
 * comes from a cache, is saved and restored at every switch, and starts out
 * as XRSTOR's initial configuration. CPUs without XSAVE use FXSAVE.
 */
#include <arch/uaccess.h>
#include <asm/fpu.h>
#include <asm/msr.h>
#include <asm/pkey.h>
#include <asm/setup.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/signal.h>
#include <mm/slab.h>

#define CPUID1_C_XSAVE (1u << 26)
/* Components we let user code use: x87, SSE, AVX, AVX-512, PKRU. */
#define WANTED_FEATURES   0x2e7ul
#define MXCSR_MASK_LEGACY 0xffbfu

#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6

#define XSAVE_HEADER_WORDS 8

/* Exception bits, the same in the x87 status word and in MXCSR. */
#define FP_INVALID   0x01u
#define FP_DENORMAL  0x02u
#define FP_ZERO      0x04u
#define FP_OVERFLOW  0x08u
#define FP_UNDERFLOW 0x10u
#define FP_PRECISION 0x20u

u32 fpu_size = FXSAVE_SIZE;
u64 fpu_features;
bool cpu_has_avx;
static u32 pkru_offset; /* in an area, bytes */
static u32 mxcsr_mask = MXCSR_MASK_LEGACY;
static const struct fpu initial = {.cwd = 0x37f, .mxcsr = MXCSR_DEFAULT};
static struct kmem_cache fpu_cache;

static void xsetbv(u32 reg, u64 v)
{
    __asm__ volatile("xsetbv" ::"c"(reg), "a"((u32)v), "d"((u32)(v >> 32)));
}

void fpu_init_cpu(void)
{
    cr4_write(cr4_read() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    if (!fpu_features)
        return;
    cr4_write(cr4_read() | CR4_OSXSAVE);
    xsetbv(0, fpu_features);
}

void fpu_init(void)
{
    struct fpu probe __aligned(64);

    if (cpuid(1, 0).c & CPUID1_C_XSAVE)
        fpu_features = cpuid(0xd, 0).a & WANTED_FEATURES;
    fpu_init_cpu();
    if (fpu_features)
        fpu_size = cpuid(0xd, 0).b;
    if (fpu_features & FPU_PKRU)
        pkru_offset = cpuid(0xd, 9).b;
    /* From here on page_clear() and page_copy() use it (pages.S). */
    cpu_has_avx = fpu_features & FPU_AVX;
    __asm__ volatile("fninit; fxsave64 %0" : "=m"(probe));
    if (probe.mxcsr_mask)
        mxcsr_mask = probe.mxcsr_mask;
    /* A multiple of 64, so that every object of a slab is aligned to it. */
    fpu_size = ALIGN_UP(fpu_size, 64);
    kmem_cache_init(&fpu_cache, "fpu", fpu_size);
}

struct fpu *fpu_alloc(void)
{
    struct fpu *fpu = kmem_cache_alloc(&fpu_cache);

    BUG_ON((u64)fpu % 64);
    if (fpu)
        fpu_reset(fpu);
    return fpu;
}

void fpu_free(struct fpu *fpu)
{
    kmem_cache_free(&fpu_cache, fpu);
}

/* XSTATE_BV 0 means: every component initial. MXCSR is loaded regardless. */
void fpu_reset(struct fpu *fpu)
{
    memset(fpu, 0, fpu_size);
    fpu->cwd = 0x37f;
    fpu->mxcsr = MXCSR_DEFAULT;
    fpu->mxcsr_mask = mxcsr_mask;
}

void fpu_reset_header(struct fpu *fpu)
{
    if (!fpu_features)
        return;
    fpu->xcomp_bv = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(fpu->reserved); i++)
        fpu->reserved[i] = 0;
}

void fpu_restore_initial(void)
{
    fpu_restore(&initial);
    if (likely(cpu_has_pku))
        pkru_write(PKRU_INITIAL);
}

int fpu_put_pkru(struct fpu __user *fpu, u32 pkru)
{
    u64 present;

    if (get_user_64(&present, &fpu->xstate_bv) ||
        put_user_64(present | FPU_PKRU, &fpu->xstate_bv))
        return -EFAULT;
    return put_user_32(pkru, (u32 __user *)((u64)fpu + pkru_offset));
}

/* XSAVE reads the header's first word and leaves the rest of it alone. */
int fpu_save_user(struct fpu __user *fpu)
{
    u64 __user *header = &fpu->xstate_bv;

    user_access_begin();
    if (unlikely(!fpu_features)) {
        __asm__ goto("1: fxsave64 %0\n" EX_TABLE("1b", "%l[fault]")
                     :
                     : "m"(*fpu)
                     : "memory"
                     : fault);
        user_access_end();
        return 0;
    }
    for (unsigned i = 0; i < XSAVE_HEADER_WORDS; i++)
        unsafe_put_64(0, header + i, fault);
    __asm__ goto("1: xsave64 %0\n" EX_TABLE("1b", "%l[fault]")
                 :
                 : "m"(*fpu), "a"((u32)fpu_features), "d"(0)
                 : "memory"
                 : fault);
    user_access_end();
    return 0;
fault:
    user_access_end();
    return -EFAULT;
}

/* The components named, out of an XSAVE image or the FXSAVE part of one. */
static int restore_user(const struct fpu __user *fpu, bool extended,
                        u64 features)
{
    user_access_begin();
    if (likely(extended))
        __asm__ goto("1: xrstor64 %0\n" EX_TABLE("1b", "%l[fault]")
                     :
                     : "m"(*fpu), "a"((u32)features), "d"(0)
                     : "memory"
                     : fault);
    else
        __asm__ goto("1: fxrstor64 %0\n" EX_TABLE("1b", "%l[fault]")
                     :
                     : "m"(*fpu)
                     : "memory"
                     : fault);
    user_access_end();
    return 0;
fault:
    user_access_end();
    return -EFAULT;
}

int fpu_restore_user(const struct fpu __user *fpu, bool extended, u64 features)
{
    features &= extended ? fpu_features : FPU_LEGACY_FEATURES;
    if (unlikely(features != fpu_features))
        fpu_restore_initial();
    if (likely(!restore_user(fpu, extended, features)))
        return 0;
    fpu_restore_initial();
    return -EFAULT;
}

int fpu_exception_code(bool x87)
{
    u32 mxcsr, pending;
    u16 control, status;

    if (x87) {
        __asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(control), "=m"(status));
        pending = status & ~control;
    } else {
        __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
        pending = mxcsr & ~(mxcsr >> 7);
    }
    if (pending & FP_INVALID)
        return FPE_FLTINV;
    if (pending & FP_ZERO)
        return FPE_FLTDIV;
    if (pending & FP_OVERFLOW)
        return FPE_FLTOVF;
    if (pending & (FP_UNDERFLOW | FP_DENORMAL))
        return FPE_FLTUND;
    return pending & FP_PRECISION ? FPE_FLTRES : SI_KERNEL;
}

/*
 * Random bytes: ChaCha20 (RFC 8439, 2.3) as a generator, its key seeded from
 * the processor. Each request takes a key of its own out of the common one,
 * which is replaced at the same time: what was handed out cannot be computed
 * from what is in memory later.
 */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <base/spinlock.h>
#include <base/string.h>
#include <kernel/random.h>
#include <kernel/sys_misc.h>
#include <kernel/thread.h>

#define GRND_NONBLOCK 1u
#define GRND_RANDOM   2u
#define GRND_INSECURE 4u

#define RANDOM_MAX    0x7ffff000u /* most one call returns, see getrandom(2) */
#define RESEED_AFTER  1024u       /* requests */
#define KEY_WORDS     8
#define BLOCK_WORDS   16
#define BLOCK_BYTES   (BLOCK_WORDS * sizeof(u32))
#define DOUBLE_ROUNDS 10

/* A stream of blocks. */
struct chacha {
    u32 key[KEY_WORDS];
    u64 counter;
};

static struct {
    spinlock_t lock;
    u32 key[KEY_WORDS];
    u32 left; /* requests until fresh seed is mixed in */
} pool = {.lock = SPINLOCK_INIT_CLASS(LOCK_RANDOM)};

static inline u32 rotate(u32 v, int n)
{
    return v << n | v >> (32 - n);
}

static inline void quarter_round(u32 *x, int a, int b, int c, int d)
{
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 7);
}

/* The next block; constants, key, counter, and a nonce of 0. */
static void chacha_block(struct chacha *s, u32 out[BLOCK_WORDS])
{
    u32 in[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    int i;

    memcpy(&in[4], s->key, sizeof(s->key));
    in[12] = (u32)s->counter;
    in[13] = (u32)(s->counter++ >> 32);
    memcpy(out, in, sizeof(in));
    for (i = 0; i < DOUBLE_ROUNDS; i++) {
        quarter_round(out, 0, 4, 8, 12);
        quarter_round(out, 1, 5, 9, 13);
        quarter_round(out, 2, 6, 10, 14);
        quarter_round(out, 3, 7, 11, 15);
        quarter_round(out, 0, 5, 10, 15);
        quarter_round(out, 1, 6, 11, 12);
        quarter_round(out, 2, 7, 8, 13);
        quarter_round(out, 3, 4, 9, 14);
    }
    for (i = 0; i < BLOCK_WORDS; i++)
        out[i] += in[i];
}

/* The old key stays in it: seed of poor quality does no harm. Lock held. */
static void reseed(void)
{
    u32 seed[KEY_WORDS];

    hw_random(seed, sizeof(seed));
    for (int i = 0; i < KEY_WORDS; i++)
        pool.key[i] ^= seed[i];
    pool.left = RESEED_AFTER;
}

/* A block of the common key: one half replaces it, one starts a stream. */
static void chacha_start(struct chacha *s)
{
    struct chacha common = {.counter = 0};
    u32 block[BLOCK_WORDS];

    spin_lock(&pool.lock);
    if (!pool.left--)
        reseed();
    memcpy(common.key, pool.key, sizeof(pool.key));
    chacha_block(&common, block);
    memcpy(pool.key, block, sizeof(pool.key));
    spin_unlock(&pool.lock);
    memcpy(s->key, &block[KEY_WORDS], sizeof(s->key));
    s->counter = 0;
}

void random_bytes(void *buf, size_t n)
{
    struct chacha s;
    u32 block[BLOCK_WORDS];

    chacha_start(&s);
    for (size_t part; n; n -= part, buf = (char *)buf + part) {
        part = min(n, BLOCK_BYTES);
        chacha_block(&s, block);
        memcpy(buf, block, part);
    }
}

/* A long request can be killed, but not interrupted once it has something. */
long sys_getrandom(void __user *buf, size_t n, u32 flags)
{
    struct chacha s;
    u32 block[BLOCK_WORDS];
    size_t done = 0, part, left;

    if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) ==
            (GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    n = min(n, (size_t)RANDOM_MAX);
    chacha_start(&s);
    while (done < n && !thread_signal_pending(WAIT_KILLABLE)) {
        part = min(n - done, BLOCK_BYTES);
        chacha_block(&s, block);
        left = copy_to_user_partial((char __user *)buf + done, block, part);
        done += part - left;
        if (left)
            return done ? (long)done : -EFAULT;
    }
    return (long)done;
}

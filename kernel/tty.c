/*
 * The terminal's input: bytes from the interrupt wait in a ring, in lines by
 * default (termios(3), ICANON: erase, kill, end of file). Echo is off unless
 * a program asks for it, because standard input is often a pipe and the
 * program's output must then be its own. Relies on the ring lock being taken
 * with interrupts off.
 */
#include <base/spinlock.h>
#include <kernel/signal.h>
#include <kernel/tty.h>

#define RING_SIZE 4096u /* a power of two */
#define END_MARK  0x100 /* ^D: ends a read without being a byte of it */

static spinlock_t lock = SPINLOCK_INIT_CLASS(LOCK_TTY);
static u16 ring[RING_SIZE];
static u32 head, tail; /* free running; head: next free */
static u32 ready;      /* what lies before it can be read */

struct wait_queue tty_readable = {SPINLOCK_INIT_CLASS(LOCK_WAIT_QUEUE),
                                  LIST_HEAD_INIT(tty_readable.waiters)};

struct termios_k tty_termios = {
    .c_iflag = TTY_ICRNL,
    .c_cflag = TTY_B115K | TTY_CS8 | TTY_CREAD,
    .c_lflag = TTY_ICANON | TTY_ISIG,
    .c_cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
};

static bool canonical(void)
{
    return tty_termios.c_lflag & TTY_ICANON;
}

static void echo(const char *s, size_t n)
{
    if (tty_termios.c_lflag & TTY_ECHO)
        console_out(s, n);
}

/* The last slot is kept for the character that ends a line. */
static void push(u16 c, bool ends)
{
    char ch = (char)c;

    if (head - tail >= RING_SIZE - (ends ? 0 : 1))
        return;
    ring[head++ % RING_SIZE] = c;
    if (ends)
        ready = head;
    if (c != END_MARK)
        echo(&ch, 1);
}

/* Takes back the last n characters of the unfinished line. */
static void erase(u32 n)
{
    while (n-- && head != ready) {
        head--;
        echo("\b \b", 3);
    }
}

static void receive_canonical(u8 c)
{
    const u8 *cc = tty_termios.c_cc;

    if (c == cc[TTY_VERASE] || c == '\b')
        erase(1);
    else if (c == cc[TTY_VKILL])
        erase(RING_SIZE);
    else if (c == cc[TTY_VEOF])
        push(END_MARK, true);
    else
        push(c, c == '\n');
}

/* The signal that the byte stands for, or 0. */
static int signal_of(u8 c)
{
    const u8 *cc = tty_termios.c_cc;

    if (!(tty_termios.c_lflag & TTY_ISIG) || !c)
        return 0;
    if (c == cc[TTY_VINTR])
        return SIGINT;
    if (c == cc[TTY_VQUIT])
        return SIGQUIT;
    return c == cc[TTY_VSUSP] ? SIGTSTP : 0;
}

/* What was typed before it is forgotten, unless NOFLSH keeps it. */
static void receive_signal(u8 c, int sig)
{
    const char shown[2] = {'^', (char)(c ^ 0x40)};

    if (!(tty_termios.c_lflag & TTY_NOFLSH))
        tty_flush();
    echo(shown, sizeof(shown));
    tty_signal(sig);
}

void tty_receive(u8 c)
{
    u32 iflag = tty_termios.c_iflag;
    u64 flags;
    int sig = signal_of(c);

    if (sig) {
        receive_signal(c, sig);
        return;
    }
    if (c == '\r' && (iflag & TTY_IGNCR))
        return;
    if (c == '\r' && (iflag & TTY_ICRNL))
        c = '\n';
    else if (c == '\n' && (iflag & TTY_INLCR))
        c = '\r';
    flags = spin_lock_irqsave(&lock);
    if (canonical())
        receive_canonical(c);
    else
        push(c, true);
    spin_unlock_irqrestore(&lock, flags);
    if (tty_has_input())
        wake_up_all(&tty_readable);
}

bool tty_has_input(void)
{
    return READ_ONCE(ready) != READ_ONCE(tail);
}

int tty_input_count(void)
{
    return (int)(READ_ONCE(ready) - READ_ONCE(tail));
}

size_t tty_take(u8 *buf, size_t n, bool *end)
{
    u64 flags = spin_lock_irqsave(&lock);
    size_t done = 0;

    *end = false;
    while (tail != ready && !*end) {
        u16 c = ring[tail % RING_SIZE];

        if (c != END_MARK && done == n)
            break;
        tail++;
        *end = c == END_MARK || (c == '\n' && canonical());
        if (c != END_MARK)
            buf[done++] = (u8)c;
    }
    spin_unlock_irqrestore(&lock, flags);
    return done;
}

void tty_flush(void)
{
    u64 flags = spin_lock_irqsave(&lock);

    tail = ready = head;
    spin_unlock_irqrestore(&lock, flags);
}

void tty_set(const struct termios_k *termios)
{
    u64 flags = spin_lock_irqsave(&lock);

    tty_termios = *termios;
    if (!canonical())
        ready = head;
    spin_unlock_irqrestore(&lock, flags);
    if (tty_has_input())
        wake_up_all(&tty_readable);
}

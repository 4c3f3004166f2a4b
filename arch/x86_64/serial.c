/*
 * The 16550 UART (COM1 to COM4), 115200 8n1. Output is polled; a receive
 * interrupt calls console_input(). A port that is not there swallows
 * everything: it reads as all ones, so nothing waits for it.
 */
#include <arch/machine.h>
#include <asm/msr.h>
#include <asm/setup.h>
#include <asm/traps.h>

#define UART_DATA 0
#define UART_IER  1 /* interrupt enable */
#define UART_FCR  2 /* FIFO control */
#define UART_LCR  3 /* line control */
#define UART_MCR  4 /* modem control */
#define UART_LSR  5 /* line status */

#define LSR_DATA_READY  0x01
#define LSR_THR_EMPTY   0x20
#define LCR_8N1         0x03
#define LCR_DIVISOR     0x80
#define FCR_ENABLE      0x07 /* both FIFOs on and cleared */
#define MCR_DTR_RTS_IRQ 0x0b
#define FIFO_SIZE       16
#define STATUS_PORT     0x5e9 /* where the host listens: docs/booting.md */

static const u16 ports[4] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
static const u8 irqs[4] = {4, 3, 4, 3};
static int selected;

static void uart_init(int port)
{
    u16 base = ports[port];

    outb(base + UART_IER, 0);
    outb(base + UART_LCR, LCR_DIVISOR);
    outb(base + UART_DATA, 1); /* 115200 / 1 */
    outb(base + UART_IER, 0);
    outb(base + UART_LCR, LCR_8N1);
    outb(base + UART_FCR, FCR_ENABLE);
    outb(base + UART_MCR, MCR_DTR_RTS_IRQ);
}

void uart_select(int port)
{
    selected = port;
    uart_init(port);
}

void uart_write(const char *s, size_t n)
{
    u16 base = ports[selected];
    size_t chunk;

    while (n) {
        while (!(inb(base + UART_LSR) & LSR_THR_EMPTY))
            cpu_relax();
        chunk = min(n, (size_t)FIFO_SIZE);
        outsb(base + UART_DATA, s, chunk);
        s += chunk;
        n -= chunk;
    }
}

int uart_getc(void)
{
    u16 base = ports[selected];
    u8 status = inb(base + UART_LSR);

    if (status == 0xff || !(status & LSR_DATA_READY))
        return -1;
    return inb(base + UART_DATA);
}

void uart_enable_irq(void)
{
    ioapic_route(irqs[selected], IRQ_VECTOR_SERIAL);
    outb(ports[selected] + UART_IER, 1);
    /* Clearing the FIFOs lost what came before: only now may the host send. */
    outb(STATUS_PORT, 'R');
}

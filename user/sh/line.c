/*
 * A line editor of the smallest kind, for a terminal that understands ANSI
 * escape sequences. The terminal is raw only while a line is being read, so
 * programs find it as they expect it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "line.h"

#define HISTORY   32
#define LINE_SIZE 256
#define CTRL(c)   ((c) - '@')

/* Keys that are more than one byte. */
enum {
    KEY_UP = 256,
    KEY_DOWN,
    KEY_RIGHT,
    KEY_LEFT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_OTHER,
};

struct line {
    const char *prompt;
    char *text;
    size_t size, length, at;
    int back; /* how many lines back in the history; 0: the new one */
};

static char history[HISTORY][LINE_SIZE];
static int history_count;

static void put(const char *text, size_t n)
{
    if (write(STDOUT_FILENO, text, n) < 0)
        _exit(1);
}

/* Draws the line anew, the cursor where it belongs. */
static void redraw(const struct line *l)
{
    char move[32];

    put("\r", 1);
    put(l->prompt, strlen(l->prompt));
    put(l->text, l->length);
    put("\033[K", 3);
    if (l->at < l->length)
        put(move, (size_t)snprintf(move, sizeof(move), "\033[%zuD",
                                   l->length - l->at));
}

/* The rest of an escape sequence, ESC already read. */
static int escape(void)
{
    char c[3] = {0};

    if (read(STDIN_FILENO, &c[0], 1) != 1 || read(STDIN_FILENO, &c[1], 1) != 1)
        return KEY_OTHER;
    if (c[1] >= '0' && c[1] <= '9' && read(STDIN_FILENO, &c[2], 1) != 1)
        return KEY_OTHER;
    switch (c[1]) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return KEY_RIGHT;
    case 'D':
        return KEY_LEFT;
    case 'H':
    case '1':
        return KEY_HOME;
    case 'F':
    case '4':
        return KEY_END;
    case '3':
        return KEY_DELETE;
    }
    return KEY_OTHER;
}

static int key_read(void)
{
    unsigned char c;

    if (read(STDIN_FILENO, &c, 1) != 1)
        return -1;
    return c == 033 ? escape() : c;
}

static void insert(struct line *l, char c)
{
    if (l->length + 1 >= l->size)
        return;
    memmove(l->text + l->at + 1, l->text + l->at, l->length - l->at);
    l->text[l->at++] = c;
    l->length++;
    if (l->at == l->length)
        put(&c, 1);
    else
        redraw(l);
}

/* Takes out the N bytes before the cursor. */
static void erase(struct line *l, size_t n)
{
    memmove(l->text + l->at - n, l->text + l->at, l->length - l->at);
    l->at -= n;
    l->length -= n;
}

static size_t word_before(const struct line *l)
{
    size_t n = 0;

    while (n < l->at && l->text[l->at - n - 1] == ' ')
        n++;
    while (n < l->at && l->text[l->at - n - 1] != ' ')
        n++;
    return n;
}

/* Shows the line BY further back in the history. */
static void recall(struct line *l, int by)
{
    int back = l->back + by;

    if (back < 0 || back > history_count || back > HISTORY)
        return;
    l->back = back;
    l->text[0] = 0;
    if (back)
        strncat(l->text, history[(history_count - back) % HISTORY],
                l->size - 1);
    l->length = l->at = strlen(l->text);
}

static void remember(const char *text)
{
    const char *last = history[(history_count + HISTORY - 1) % HISTORY];

    if (*text && (!history_count || strcmp(text, last)))
        snprintf(history[history_count++ % HISTORY], LINE_SIZE, "%s", text);
}

static void move_to(struct line *l, size_t at)
{
    if (at <= l->length)
        l->at = at;
}

/* A key that is not a character. */
static void command(struct line *l, int key)
{
    switch (key) {
    case KEY_UP:
    case KEY_DOWN:
        recall(l, key == KEY_UP ? 1 : -1);
        break;
    case KEY_RIGHT:
        move_to(l, l->at + 1);
        break;
    case KEY_LEFT:
        move_to(l, l->at - 1);
        break;
    case KEY_HOME:
    case CTRL('A'):
        l->at = 0;
        break;
    case KEY_END:
    case CTRL('E'):
        l->at = l->length;
        break;
    case 127:
    case CTRL('H'):
        erase(l, l->at > 0);
        break;
    case KEY_DELETE:
        if (l->at < l->length) {
            l->at++;
            erase(l, 1);
        }
        break;
    case CTRL('U'):
        erase(l, l->at);
        break;
    case CTRL('W'):
        erase(l, word_before(l));
        break;
    case CTRL('K'):
        l->length = l->at;
        break;
    case CTRL('L'):
        put("\033[H\033[2J", 7);
        break;
    }
    redraw(l);
}

static int edit(struct line *l)
{
    for (;;) {
        int key = key_read();

        if (key < 0 || (key == CTRL('D') && !l->length))
            return -1;
        if (key == '\r' || key == '\n')
            break;
        if (key == CTRL('C')) {
            l->length = 0;
            break;
        }
        if (key >= ' ' && key < 127)
            insert(l, (char)key);
        else
            command(l, key);
    }
    l->text[l->length] = 0;
    return (int)l->length;
}

int line_read(const char *prompt, char *buffer, size_t size)
{
    struct line l = {.prompt = prompt, .text = buffer, .size = size};
    struct termios cooked, raw;
    bool terminal = !tcgetattr(STDIN_FILENO, &cooked);
    int length;

    raw = cooked;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    put(prompt, strlen(prompt));
    length = edit(&l);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &cooked);
    put("\n", 1);
    if (length > 0)
        remember(buffer);
    return length;
}

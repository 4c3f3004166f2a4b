/* Asks for calls that there are not: some of them again, some in a child. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int status, wrong = 0;

    for (int i = 0; i < 3; i++) {
        wrong += syscall(253) != -1 || errno != ENOSYS; /* inotify_init */
        wrong += syscall(300) != -1 || errno != ENOSYS; /* fanotify_init */
        wrong += syscall(500) != -1 || errno != ENOSYS; /* nobody's */
        wrong += syscall(5000) != -1 || errno != ENOSYS;
    }
    if (!fork()) {
        for (int i = 0; i < 3; i++)
            wrong += syscall(253) != -1 || errno != ENOSYS;
        _exit(wrong);
    }
    wait(&status);
    return wrong + status;
}

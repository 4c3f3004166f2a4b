/* What struct file and epoll know of each other. */
#pragma once

struct file;

/* The file's last reference is gone: it leaves every set it is in. */
void epoll_forget_file(struct file *f);

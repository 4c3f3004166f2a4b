/*
 * The tests of elf.c as a static-pie program (the Makefile links *_pie.c so):
 * position-independent, loaded where the kernel likes, relocating itself.
 */
#include "elf.c"

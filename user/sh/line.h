/* Reading a line from the terminal with editing and history. */
#pragma once

#include <stddef.h>

/*
 * Shows PROMPT and reads a line into BUFFER, without its end. Keys: arrows,
 * Home, End, Backspace, Delete, ^A ^E ^U ^K ^W ^L; up and down go through the
 * lines entered before; ^C gives an empty line.
 * Returns its length, or -1 at the end of input (^D on an empty line).
 */
int line_read(const char *prompt, char *buffer, size_t size);

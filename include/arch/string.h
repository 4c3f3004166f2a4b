/*
 * Fast runs over memory, which the string functions are made of.
 * <asm/string.h> provides, inline: rep_movsq, rep_movsb, rep_movsb_down,
 * rep_stosq, rep_stosb.
 */
#pragma once
#include <asm/string.h>

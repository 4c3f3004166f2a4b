/*
 * Table-driven CRC-32, a byte at a time. The table is built on first use;
 * callers are single-threaded programs.
 */
#include "crc32.h"

#define POLYNOMIAL 0xedb88320u

static uint32_t table[256];

static void build_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t rest = byte;

        for (int bit = 0; bit < 8; bit++)
            rest = rest & 1 ? rest >> 1 ^ POLYNOMIAL : rest >> 1;
        table[byte] = rest;
    }
}

uint32_t crc32(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *byte = data;

    if (!table[1])
        build_table();
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ byte[i]) & 0xff];
    return ~crc;
}

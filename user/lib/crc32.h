/*
 * CRC-32 as zlib, gzip and PNG define it (reflected polynomial 0xedb88320),
 * so that `python3 -c 'import zlib'` or crc32(1) can check our output.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Returns the CRC of the bytes before (CRC, 0 to begin with) followed by
 * SIZE bytes at DATA.
 */
uint32_t crc32(uint32_t crc, const void *data, size_t size);

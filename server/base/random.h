/* Random numbers from the kernel (libsodium's getrandom). Any thread; never fails (sodium ends the
 * process). */
#pragma once
#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len);
uint64_t random_u64(void);
/* 0 … limit - 1, every one as likely; limit > 0. */
uint32_t random_below(uint32_t limit);

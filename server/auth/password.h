/* Passwords: argon2id by libsodium. Slow and hungry on purpose, so only on the worker pool.
 *
 * Thread: any, after password_init. */
#pragma once
#include "base/arena.h"
#include "base/check.h"
#include <stdint.h>

struct password_options {
    int64_t memory_bytes;
    int64_t passes;
};

/* Before any other thread starts; makes the hash that stands in for people who are not there. */
void password_init(const struct password_options *options);
/* The hash, in libsodium's text form with salt and costs, in the arena. */
struct str password_hash(struct arena *arena, struct str password);
/* Whether it is the password. An empty `hash` (nobody of that name) costs the same and is always
 * false. */
bool password_verify(struct str hash, struct str password);
/* Whether the hash was made at other costs than today's. */
bool password_needs_rehash(struct str hash);

/* The audit trail: what was done with power over others, in the transaction of the deed. Each row's
 * hash covers the row and the hash before it, so a row that is changed or taken out shows.
 *
 * Thread: the executor whose transaction it is. */
#pragma once
#include "store/log.h"

enum { AUDIT_HASH_BYTES = 32 };

/* `actor`: account, 0: the operator. `action`: the operation's name, `subject`: whom or what it was
 * done to. No secrets. */
enum err audit_append(struct tx *tx, int64_t actor, struct str action,
                      struct str subject) MUST_CHECK;
/* Checks the chain: the key of the first row that does not fit, 0 when all do. */
enum err audit_find_break(struct tx *tx, int64_t *key) MUST_CHECK;

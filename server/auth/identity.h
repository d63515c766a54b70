/* What people are called: the rules for names and e-mail addresses, and the forms by which two are
 * the same.
 *
 * Thread: any. Results lie in the arena. */
#pragma once
#include "base/arena.h"
#include "base/check.h"
#include "store/account.h"

/* A unique name: letters, digits, '.', '_' and '-' of any script, at least one letter or digit.
 * `folded` is NFKC with case folded, `skeleton` the same for names that look alike (Unicode TS 39).
 */
struct identity_name {
    struct str name, folded, skeleton;
};

/* False when it is none. */
bool identity_parse_name(struct arena *arena, struct str text,
                         struct identity_name *out) MUST_CHECK;
/* The form in which a name, address or beginning of one is looked for; false when it is not Unicode
 * text that can be folded. */
bool identity_fold(struct arena *arena, struct str text, struct str *out) MUST_CHECK;
/* One '@' with something on both sides, no white space. False when it is not one. */
bool identity_parse_email(struct arena *arena, struct str text, struct str *folded) MUST_CHECK;
/* The account that somebody signs in as: an address has an '@', a name never. ERR_NOT_FOUND. */
enum err identity_find(struct tx *tx, struct str login, struct account_row *out) MUST_CHECK;

/* Plain JSON without an allocation: what nearly every request is, read in one pass over its bytes.
 * Any thread; nothing is shared.
 *
 * The contract: json_flat_parse takes a text or declines it, and never judges. What it takes,
 * jansson takes too (decode_json, as an object nested at most 2 deep) and finds the same members
 * with the same types and values. What it declines may be good or bad JSON: the caller asks
 * jansson. tests/unit/test_json_flat.c and tests/fuzz/fuzz_json_flat.c hold it to that.
 *
 * Taken: one object of strings, whole numbers of at most JSON_FLAT_DIGITS_MAX digits, true, false,
 * null, and at most one object of the same, with white space where JSON has it. Declined: a
 * backslash or control character in a string, invalid UTF-8, -0, fractions, exponents, arrays, a
 * second or deeper object, a name twice, more than JSON_FLAT_MEMBERS_MAX members, and whatever is
 * no JSON. */
#pragma once
#include "base/check.h"
#include "base/str.h"
#include <jansson.h>

enum {
    JSON_FLAT_MEMBERS_MAX = 16, /* of one object; an operation takes at most 5 */
    JSON_FLAT_DIGITS_MAX = 18   /* no number of as many overflows an int64_t */
};

/* The texts are borrowed from what was parsed, `object` from the struct json_flat. */
struct json_flat_member {
    struct str name;
    struct str written; /* the value as it stands there, quotes and all */
    json_type type;     /* jansson's; it says which of these there is */
    union {
        struct str text;                       /* JSON_STRING */
        int64_t integer;                       /* JSON_INTEGER */
        const struct json_flat_object *object; /* JSON_OBJECT */
    };
};

struct json_flat_object {
    size_t count;
    struct json_flat_member members[JSON_FLAT_MEMBERS_MAX];
};

struct json_flat {
    struct json_flat_object root, inner;
};

/* False: declined, and *out holds nothing of use. */
bool json_flat_parse(struct str text, struct json_flat *out) MUST_CHECK;
/* The member of that name, or NULL. */
const struct json_flat_member *json_flat_find(const struct json_flat_object *object,
                                              struct str name);

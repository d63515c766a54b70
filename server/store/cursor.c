#include "base/random.h"
#include "base/text.h"
#include "store/log_batch.h"

#include <sodium.h>
#include <string.h>

_Static_assert(CURSOR_SECRET_BYTES == crypto_shorthash_KEYBYTES, "the check bits are SipHash");
enum { CURSOR_CHECK_CHARS = 8, POS_MAX_CHARS = 20 };
_Static_assert(CURSOR_EPOCH_CHARS + 1 + POS_MAX_CHARS + 1 + CURSOR_CHECK_CHARS < CURSOR_MAX_BYTES,
               "a cursor fits");

static struct cursor_secret cursor_secret;

void cursor_use(const struct cursor_secret *secret) {
    cursor_secret = *secret;
}

/* Lower-case letters and digits that cannot be mistaken for each other. */
static void cursor_draw_epoch(char out[CURSOR_EPOCH_CHARS + 1]) {
    static const char alphabet[] = "abcdefghjkmnpqrstvwxyz0123456789";
    _Static_assert(sizeof alphabet - 1 == 32, "each as likely");
    for (int i = 0; i < CURSOR_EPOCH_CHARS; i++)
        out[i] = alphabet[random_below(32)];
    out[CURSOR_EPOCH_CHARS] = '\0';
}

enum err meta_keep(struct db *db, struct arena *arena, struct str key, void *inout, size_t len) {
    struct db_rows rows;
    enum err err = DB_RUN(db, arena, QUERY_meta_get, &rows, DB_T(key));
    if (err != ERR_OK)
        return err;
    if (rows.count == 0)
        return DB_RUN(db, arena, QUERY_meta_set, &rows, DB_T(key), DB_B(inout, len));
    struct str value = db_at(&rows, 0, 0)->bytes;
    if (value.len != len)
        return ERR_INTERNAL;
    memcpy(inout, value.ptr, len);
    return ERR_OK;
}

enum err cursor_prepare(struct db *db, struct arena *arena, struct cursor_secret *out) {
    struct db_rows rows;
    random_bytes(out->key, sizeof out->key);
    cursor_draw_epoch(out->epoch);
    enum err err = DB_RUN(db, arena, QUERY_meta_get, &rows, DB_T(STR("restored")));
    if (err == ERR_OK && rows.count > 0) {
        /* A backup: the log may go on differently from here, so no cursor given before may count.
         */
        err = DB_RUN(db, arena, QUERY_meta_delete, &rows, DB_T(STR("epoch")));
        if (err == ERR_OK)
            err = DB_RUN(db, arena, QUERY_meta_delete, &rows, DB_T(STR("restored")));
    }
    if (err == ERR_OK)
        err = meta_keep(db, arena, STR("secret"), out->key, sizeof out->key);
    if (err == ERR_OK)
        err = meta_keep(db, arena, STR("epoch"), out->epoch, CURSOR_EPOCH_CHARS);
    return err;
}

uint32_t cursor_check(const struct log_event *event) {
    struct {
        char epoch[CURSOR_EPOCH_CHARS];
        int64_t columns[8];
    } covered = {.columns = {event->pos, (int64_t)event->type, event->audience, event->seq,
                             event->actor, event->subject, event->fact, event->created_at}};
    _Static_assert(sizeof covered == CURSOR_EPOCH_CHARS + 8 * sizeof(int64_t),
                   "no padding is hashed");
    unsigned char hash[crypto_shorthash_BYTES];
    uint32_t check;
    memcpy(covered.epoch, cursor_secret.epoch, sizeof covered.epoch);
    if (event->pos == 0) /* the beginning is no event */
        memset(covered.columns, 0, sizeof covered.columns);
    crypto_shorthash(hash, (const unsigned char *)&covered, sizeof covered, cursor_secret.key);
    memcpy(&check, hash, sizeof check);
    return check;
}

size_t cursor_format(int64_t pos, uint32_t check, char out[CURSOR_MAX_BYTES]) {
    const unsigned char bytes[] = {(unsigned char)(check >> 24), (unsigned char)(check >> 16),
                                   (unsigned char)(check >> 8), (unsigned char)check};
    size_t len = strlen(cursor_secret.epoch);
    memcpy(out, cursor_secret.epoch, len);
    out[len++] = ':';
    len += text_decimal_encode((uint64_t)pos, out + len);
    out[len++] = ':';
    text_hex_encode(bytes, sizeof bytes, out + len);
    return len + 2 * sizeof bytes;
}

/* The event whose check bits a cursor at `pos` holds; *found false when it is not there (any more).
 */
static enum err cursor_event(struct tx *tx, int64_t pos, struct log_event *out, bool *found) {
    *found = pos == 0;
    *out = (struct log_event){.pos = 0};
    return pos == 0 ? ERR_OK : log_read(tx, pos, out, found);
}

enum err cursor_at(struct tx *tx, int64_t pos, struct str *out) {
    struct log_event event;
    char text[CURSOR_MAX_BYTES];
    bool found;
    enum err err = cursor_event(tx, pos, &event, &found);
    if (err != ERR_OK)
        return err;
    if (!found)
        return ERR_INTERNAL;
    size_t len = cursor_format(pos, cursor_check(&event), text);
    *out = arena_strdup(tx->arena, str_make(text, len));
    return ERR_OK;
}

/* Takes the text apart: only what cursor_format writes is one. */
static bool cursor_read(struct str cursor, int64_t *pos, struct str *check) {
    struct str epoch, number;
    return cursor.len < CURSOR_MAX_BYTES && str_cut(cursor, ':', &epoch, &number) &&
           str_cut(number, ':', &number, check) &&
           str_equal(epoch, str_from_cstr(cursor_secret.epoch)) && str_to_i64(number, pos) &&
           *pos >= 0 && check->len == CURSOR_CHECK_CHARS;
}

/* False: something of `pos` on may have been cut from the log already. */
static enum err cursor_is_kept(struct tx *tx, int64_t pos, int64_t head, bool *kept) {
    struct db_rows rows;
    enum err err = DB_RUN0(tx->db, tx->arena, QUERY_log_first, &rows);
    if (err != ERR_OK)
        return err;
    const struct db_value *first = db_at(&rows, 0, 0);
    if (pos == 0)
        *kept = first->kind == DB_NULL ? head == 0 : first->integer == 1;
    else
        *kept = first->kind != DB_NULL && pos >= first->integer;
    return ERR_OK;
}

enum err cursor_parse(struct tx *tx, struct str cursor, enum cursor_state *state, int64_t *pos) {
    struct log_event event;
    struct str check;
    char expected[CURSOR_MAX_BYTES];
    int64_t head = 0;
    bool kept = false, found = false;
    *state = CURSOR_INVALID;
    if (!cursor_read(cursor, pos, &check))
        return ERR_OK;
    enum err err = log_head(tx, &head);
    if (err != ERR_OK || *pos > head)
        return err;
    err = cursor_is_kept(tx, *pos, head, &kept);
    if (err == ERR_OK && !kept)
        *state = CURSOR_TOO_OLD;
    if (err == ERR_OK && kept)
        err = cursor_event(tx, *pos, &event, &found);
    if (err != ERR_OK || !found)
        return err;
    size_t len = cursor_format(*pos, cursor_check(&event), expected);
    if (sodium_memcmp(expected + len - CURSOR_CHECK_CHARS, check.ptr, CURSOR_CHECK_CHARS) == 0)
        *state = CURSOR_VALID;
    return ERR_OK;
}

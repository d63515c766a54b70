#include "store_fixture.h"

#include "base/mem.h"
#include "store/db_open.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- folders ---- */

char *fixture_make_folder(void) {
    const char *tmp = getenv("TMPDIR");
    struct buf path = BUF_INIT;
    buf_appendf(&path, "%s/parley-test-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    char *made = mem_strdup(buf_cstr(&path));
    buf_finish(&path);
    assert_non_null(mkdtemp(made));
    return made;
}

static int fixture_remove_one(const char *path, const struct stat *about, int kind,
                              struct FTW *place) {
    (void)about, (void)kind, (void)place;
    return remove(path);
}

void fixture_remove_folder(char *take_path) {
    assert_int_equal(nftw(take_path, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    mem_free(take_path);
}

bool fixture_file_contains(const char *folder, const char *file, const char *text) {
    struct buf path = BUF_INIT, content = BUF_INIT;
    buf_appendf(&path, "%s/%s", folder, file);
    FILE *stream = fopen(buf_cstr(&path), "rb");
    buf_finish(&path);
    if (stream == NULL)
        return false;
    size_t len;
    do {
        len = fread(buf_reserve(&content, 65536), 1, 65536, stream);
        content.len += len;
    } while (len > 0);
    fclose(stream);
    bool found = str_find(buf_str(&content), str_from_cstr(text)) != STR_NOT_FOUND;
    buf_finish(&content);
    return found;
}

/* ---- stores ---- */

static enum err fixture_try_open(const char *folder, const struct fixture_options *given,
                                 struct store **out, struct buf *error) {
    static const struct fixture_options none;
    const struct fixture_options *options = given == NULL ? &none : given;
    const struct store_options store_options = {
        .data_dir = str_from_cstr(folder),
        .read_threads = 2,
        .batch_max = options->batch_max == 0 ? 512 : options->batch_max,
        .queue_max = options->queue_max == 0 ? 4096 : options->queue_max,
        .synchronous = options->synchronous,
        .vfs = options->vfs,
        .idle_checkpoint_ms = options->idle_checkpoint_ms == 0 ? 50 : options->idle_checkpoint_ms,
        .erase_after_ms = options->erase_after_ms,
        .history_cache_bytes = options->history_cache_bytes,
    };
    return store_open(&store_options, out, error);
}

struct store *fixture_open(const char *folder, const struct fixture_options *options) {
    struct store *store = NULL;
    struct buf error = BUF_INIT;
    if (fixture_try_open(folder, options, &store, &error) != ERR_OK)
        fail_msg("%s", buf_cstr(&error));
    buf_finish(&error);
    return store;
}

const char *fixture_refusal(const char *folder) {
    static char words[1024];
    struct store *store = NULL;
    struct buf error = BUF_INIT;
    assert_int_equal(fixture_try_open(folder, NULL, &store, &error), ERR_STORAGE_UNAVAILABLE);
    snprintf(words, sizeof words, "%s", buf_cstr(&error));
    buf_finish(&error);
    return words;
}

void fixture_close(struct store *take_store) {
    store_stop(take_store);
    store_close(take_store);
}

/* ---- works ---- */

static pthread_mutex_t fixture_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fixture_changed = PTHREAD_COND_INITIALIZER;

static enum err fixture_run(struct tx *tx, struct work *work) {
    struct fixture_work *self = CONTAINER_OF(work, struct fixture_work, work);
    self->runs++;
    return self->body(tx, self);
}

static void fixture_done(struct work *work, enum err outcome) {
    struct fixture_work *self = CONTAINER_OF(work, struct fixture_work, work);
    pthread_mutex_lock(&fixture_lock);
    self->outcome = outcome;
    self->is_done = true;
    pthread_cond_broadcast(&fixture_changed);
    pthread_mutex_unlock(&fixture_lock);
}

void fixture_work_init(struct fixture_work *work, bool writes, int64_t number,
                       enum err (*body)(struct tx *tx, struct fixture_work *self)) {
    *work = (struct fixture_work){.body = body, .number = number, .arena = arena_create()};
    work->work = (struct work){
        .arena = work->arena, .writes = writes, .run = fixture_run, .done = fixture_done};
}

void fixture_submit(struct store *store, struct fixture_work *work) {
    assert_true(store_submit(store, &work->work));
}

enum err fixture_wait(struct fixture_work *work) {
    pthread_mutex_lock(&fixture_lock);
    while (!work->is_done)
        pthread_cond_wait(&fixture_changed, &fixture_lock);
    pthread_mutex_unlock(&fixture_lock);
    return work->outcome;
}

void fixture_work_finish(struct fixture_work *work) {
    arena_destroy(work->arena);
}

static enum err fixture_do(struct store *store, bool writes, int64_t number,
                           enum err (*body)(struct tx *tx, struct fixture_work *self)) {
    struct fixture_work work;
    fixture_work_init(&work, writes, number, body);
    fixture_submit(store, &work);
    enum err err = fixture_wait(&work);
    fixture_work_finish(&work);
    return err;
}

enum err fixture_write(struct store *store, int64_t number,
                       enum err (*body)(struct tx *tx, struct fixture_work *self)) {
    return fixture_do(store, true, number, body);
}

enum err fixture_read(struct store *store, int64_t number,
                      enum err (*body)(struct tx *tx, struct fixture_work *self)) {
    return fixture_do(store, false, number, body);
}

static enum err fixture_gate_body(struct tx *tx, struct fixture_work *self) {
    struct fixture_gate *gate = CONTAINER_OF(self, struct fixture_gate, work);
    (void)tx;
    pthread_mutex_lock(&gate->lock);
    gate->is_reached = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return ERR_OK;
}

void fixture_gate_close(struct fixture_gate *gate, struct store *store) {
    gate->is_reached = gate->is_open = false;
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
    fixture_work_init(&gate->work, true, 0, fixture_gate_body);
    fixture_submit(store, &gate->work);
    pthread_mutex_lock(&gate->lock);
    while (!gate->is_reached)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void fixture_gate_open(struct fixture_gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    assert_int_equal(fixture_wait(&gate->work), ERR_OK);
    fixture_work_finish(&gate->work);
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->lock);
}

/* ---- rows ---- */

enum err fixture_sql(struct tx *tx, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct str sql = arena_vprintf(tx->arena, format, args);
    va_end(args);
    return db_exec(tx->db, sql.ptr);
}

enum err fixture_integer(struct tx *tx, int64_t *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct str sql = arena_vprintf(tx->arena, format, args);
    va_end(args);
    return db_exec_integer(tx->db, sql.ptr, out);
}

static struct db *open_beside(const char *folder, bool writes) {
    struct buf path = BUF_INIT, error = BUF_INIT;
    struct db *db = NULL;
    buf_appendf(&path, "%s/parley.db", folder);
    const struct db_options options = {.path = buf_cstr(&path), .writes = writes};
    if (db_open(&options, &db, &error) != ERR_OK)
        fail_msg("%s", buf_cstr(&error));
    buf_finish(&path);
    return db;
}

int64_t fixture_query(const char *folder, const char *sql) {
    struct db *db = open_beside(folder, false);
    int64_t out = 0;
    assert_int_equal(db_exec_integer(db, sql, &out), ERR_OK);
    db_close(db);
    return out;
}

void fixture_change(const char *folder, const char *sql) {
    struct db *db = open_beside(folder, true);
    if (db_exec(db, sql) != ERR_OK)
        fail_msg("%s", db_error(db));
    db_close(db);
}

enum err fixture_make_account(struct tx *tx, int64_t account) {
    return fixture_sql(tx,
                       "INSERT INTO account (key, id, name, name_folded, name_skeleton, "
                       "display_name, email, role, status, bio, "
                       "password_hash, created_at) SELECT k, randomblob(16), 'a' || k, 'a' || k, "
                       "'a' || k, '', '', 1, '', '', '', 0 "
                       "FROM (SELECT %lld AS k)",
                       (long long)account);
}

enum err fixture_make_room(struct tx *tx, int64_t room) {
    return fixture_sql(
        tx,
        "INSERT INTO room (key, id, name, topic, private, general, maker, created_at) "
        "SELECT k, randomblob(16), 'r' || k, '', 0, 0, 0, 0 FROM (SELECT %lld AS k)",
        (long long)room);
}

enum err fixture_join(struct tx *tx, int64_t room, int64_t account) {
    int64_t seq = 0, membership = 0;
    const struct log_event joined = {.type = EVENT_member_joined,
                                     .audience = audience_room(room),
                                     .actor = account,
                                     .subject = account};
    enum err err = emit(tx, &joined, &seq);
    if (err == ERR_OK)
        err = fixture_sql(tx,
                          "INSERT INTO membership (room, account, joined_pos, joined_seq, "
                          "joined_at, is_open, read_seq, read_pos) "
                          "VALUES (%lld, %lld, 0, %lld, 0, 1, 0, 0) ON CONFLICT (room, account) DO "
                          "UPDATE SET is_open = 1, "
                          "joined_seq = excluded.joined_seq",
                          (long long)room, (long long)account, (long long)seq);
    if (err == ERR_OK)
        err = fixture_integer(tx, &membership,
                              "SELECT key FROM membership WHERE room = %lld AND account = %lld",
                              (long long)room, (long long)account);
    const struct log_event mine = {.type = EVENT_room_joined,
                                   .audience = audience_person(account),
                                   .actor = account,
                                   .subject = room,
                                   .membership = membership};
    return err == ERR_OK ? emit(tx, &mine, NULL) : err;
}

enum err fixture_leave(struct tx *tx, int64_t room, int64_t account) {
    const struct log_event left = {.type = EVENT_member_left,
                                   .audience = audience_room(room),
                                   .actor = account,
                                   .subject = account};
    const struct log_event mine = {.type = EVENT_room_left,
                                   .audience = audience_person(account),
                                   .actor = account,
                                   .subject = room};
    enum err err =
        fixture_sql(tx, "UPDATE membership SET is_open = 0 WHERE room = %lld AND account = %lld",
                    (long long)room, (long long)account);
    if (err == ERR_OK)
        err = emit(tx, &left, NULL);
    return err == ERR_OK ? emit(tx, &mine, NULL) : err;
}

enum err fixture_send(struct tx *tx, int64_t room, int64_t author, int64_t message, int64_t *seq) {
    const struct log_event created = {.type = EVENT_message_created,
                                      .audience = audience_room(room),
                                      .actor = author,
                                      .subject = message};
    enum err err = emit(tx, &created, seq);
    if (err == ERR_OK)
        err =
            fixture_sql(tx,
                        "INSERT INTO message (key, id, room, seq, author, text, nonce, created_at) "
                        "SELECT k, randomblob(16), %lld, %lld, %lld, 'text of message ' || k, 'n' "
                        "|| k, 0 FROM (SELECT %lld AS k);"
                        "INSERT INTO nonce (author, nonce, message, digest) SELECT author, nonce, "
                        "key, '' FROM message "
                        "WHERE key = %lld",
                        (long long)room, (long long)*seq, (long long)author, (long long)message,
                        (long long)message);
    return err;
}

#include "chat_fixture.h"

#include "auth/auth.h"
#include "auth/token.h"
#include "base/mem.h"
#include "chat/chat.h"
#include "protocol/permissions.h"
#include "realtime/presence.h"
#include "store/db_open.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    EVENTS_MAX = 4096,
    RUNS_MAX = 4096,
    TEST_PASSWORD_MEMORY_BYTES = 8192,
    TEST_RESUME_MAX = 10
};

const struct person nobody = {0};
const struct person the_operator = {.is_operator = true};

struct chat_run {
    struct fixture_work work;
    struct person who;
    struct chat_handler handler;
    void *params, *result;
    struct call call;
    struct error_detail error;
    enum err refusal; /* before the handler's turn came */
};

struct chat_fixture {
    char *folder;
    struct store *store;
    struct executor_ops ops;
    struct log_event events[EVENTS_MAX];
    size_t event_count;
    struct chat_run *runs[RUNS_MAX]; /* their arenas hold the answers */
    size_t run_count;
    struct fixture_gate gate;
};

static struct chat_fixture fixture;

/* ---- beginning and end ---- */

static void chat_committed(void *arg, const struct log_event *events, size_t count) {
    struct chat_fixture *self = arg;
    for (size_t i = 0; i < count; i++) {
        assert_true(self->event_count < EVENTS_MAX);
        self->events[self->event_count++] = events[i];
    }
}

static void chat_begin(void) {
    const struct fixture_options options = {.erase_after_ms = 1};
    fixture.store = fixture_open(fixture.folder, &options);
    fixture.ops = (struct executor_ops){.committed = chat_committed, .arg = &fixture};
    store_start(fixture.store, &fixture.ops);
}

int chat_open(void **state) {
    const struct auth_options auth = {
        .password = {.memory_bytes = TEST_PASSWORD_MEMORY_BYTES, .passes = 1}, .session_days = 30};
    const struct chat_options chat = {.public_url = STR("http://chat.example"),
                                      .resume_max_events = TEST_RESUME_MAX};
    (void)state;
    fixture = (struct chat_fixture){.folder = fixture_make_folder()};
    auth_init(&auth);
    chat_init(&chat);
    chat_begin();
    return 0;
}

void chat_restart(void) {
    fixture_close(fixture.store);
    chat_begin();
}

int chat_close(void **state) {
    struct doctor_check_result found;
    (void)state;
    assert_err(CALL(the_operator, doctor_check, &found, 0), ERR_OK);
    if (found.problems.count > 0)
        fail_msg("doctor: %.*s: %.*s", STR_ARG(found.problems.items[0].check),
                 STR_ARG(found.problems.items[0].detail));
    fixture_close(fixture.store);
    for (size_t i = 0; i < fixture.run_count; i++) {
        arena_destroy(fixture.runs[i]->work.arena);
        mem_free(fixture.runs[i]);
    }
    fixture_remove_folder(fixture.folder);
    presence_finish();
    return 0;
}

/* ---- operations ---- */

/* As dispatch does it. */
static enum err chat_find_actor(struct tx *tx, const struct person *who, struct actor *actor) {
    *actor = (struct actor){.is_operator = who->is_operator,
                            .role = who->is_operator ? ROLE_OWNER : ROLE_GUEST};
    return who->session == 0 ? ERR_OK : token_find_session(tx, who->session, actor);
}

static enum err chat_check_permission(const struct operation *operation,
                                      const struct actor *actor) {
    if (actor->is_operator || operation->permission == PERMISSION_PUBLIC)
        return ERR_OK;
    if (actor->account == 0)
        return ERR_SIGN_IN_REQUIRED;
    return permission_allows(operation->permission, actor->role) ? ERR_OK : ERR_FORBIDDEN;
}

static enum err chat_enter(struct tx *tx, struct chat_run *run) {
    run->call.tx = tx;
    run->call.effect = (struct call_effect){0};
    enum err err = chat_find_actor(tx, &run->who, &run->call.actor);
    return err == ERR_OK ? chat_check_permission(run->call.operation, &run->call.actor) : err;
}

static enum err chat_run_body(struct tx *tx, struct fixture_work *work) {
    struct chat_run *run = CONTAINER_OF(work, struct chat_run, work);
    enum err err = chat_enter(tx, run);
    return err == ERR_OK ? run->handler.run(&run->call, run->params, run->result) : err;
}

static enum err chat_load_body(struct tx *tx, struct fixture_work *work) {
    struct chat_run *run = CONTAINER_OF(work, struct chat_run, work);
    enum err err = chat_enter(tx, run);
    return err == ERR_OK ? run->handler.load(&run->call, run->params) : err;
}

/* load on a reader, prepare here. */
static enum err chat_prepare(struct chat_run *run) {
    enum err err = ERR_OK;
    if (run->handler.load != NULL) {
        run->work.body = chat_load_body;
        run->work.work.writes = false;
        fixture_submit(fixture.store, &run->work);
        err = fixture_wait(&run->work);
        run->work.is_done = false;
    }
    run->call.tx = NULL;
    return err == ERR_OK && run->handler.prepare != NULL
               ? run->handler.prepare(&run->call, run->params)
               : err;
}

static bool field_is_zero(const struct field *field, const char *params) {
    static const char zeros[sizeof(struct str)] = {0};
    size_t size = 0;
    switch (field->kind) {
    case FIELD_BOOL:
        size = sizeof(bool);
        break;
    case FIELD_ENUM:
        size = sizeof(enum role);
        break;
    case FIELD_INT:
    case FIELD_TIME:
        size = sizeof(int64_t);
        break;
    case FIELD_ID:
    case FIELD_STR:
    case FIELD_TEXT:
    case FIELD_SECRET:
    case FIELD_OBJ:
    case FIELD_LIST:
    case FIELD_IDS:
        size = sizeof(struct str);
        break;
    }
    return memcmp(params + field->offset, zeros, size) == 0;
}

/* The decoder's part: what is not zero was given. A copy, for the run outlives its caller's block.
 */
static void *chat_copy_params(struct arena *arena, const struct operation *operation,
                              const void *given) {
    char *params = arena_alloc(arena, operation->params_size);
    uint64_t present;
    memcpy(params, given, operation->params_size);
    memcpy(&present, params, sizeof present);
    for (size_t i = 0; operation->in[i].name != NULL; i++)
        if (!field_is_zero(&operation->in[i], params))
            present |= UINT64_C(1) << i;
    memcpy(params, &present, sizeof present);
    return params;
}

uint64_t chat_field_bit(enum operation_id id, size_t offset) {
    const struct field *in = operation_table()[id].in;
    size_t place = 0;
    while (in[place].name != NULL && in[place].offset != offset)
        place++;
    return UINT64_C(1) << place;
}

struct chat_run *chat_start(struct person who, enum operation_id id, struct chat_handler handler,
                            const void *params, void *result) {
    const struct operation *operation = &operation_table()[id];
    struct chat_run *run = mem_zalloc(1, sizeof *run);
    assert_true(fixture.run_count < RUNS_MAX);
    fixture.runs[fixture.run_count++] = run;
    fixture_work_init(&run->work, operation->run != RUN_READ, 0, chat_run_body);
    run->who = who;
    run->handler = handler;
    run->params = chat_copy_params(run->work.arena, operation, params);
    run->result =
        result != NULL ? result : arena_alloc(run->work.arena, operation->result_size + 1);
    memset(run->result, 0, operation->result_size);
    run->call = (struct call){
        .arena = run->work.arena, .operation = operation, .is_http = true, .error = &run->error};
    run->refusal = chat_prepare(run);
    if (run->refusal != ERR_OK)
        return run;
    run->work.body = chat_run_body;
    run->work.work.writes = operation->run != RUN_READ;
    fixture_submit(fixture.store, &run->work);
    return run;
}

enum err chat_wait(struct chat_run *run) {
    return run->refusal != ERR_OK ? run->refusal : fixture_wait(&run->work);
}

const struct call *chat_last_call(void) {
    return &fixture.runs[fixture.run_count - 1]->call;
}

void chat_assert_err(enum err got, enum err expected, const char *file, int line) {
    if (got == expected)
        return;
    print_error("%s, not %s\n", got == ERR_OK ? "ok" : err_code(got),
                expected == ERR_OK ? "ok" : err_code(expected));
    _fail(file, line);
}

void chat_assert_str(struct str got, const char *expected, const char *file, int line) {
    if (str_equal(got, str_from_cstr(expected)))
        return;
    print_error("\"%.*s\", not \"%s\"\n", STR_ARG(got), expected);
    _fail(file, line);
}

void chat_close_gate(void) {
    fixture_gate_close(&fixture.gate, fixture.store);
}

void chat_open_gate(void) {
    fixture_gate_open(&fixture.gate);
}

/* ---- people and rooms ---- */

struct str chat_link_secret(struct str url) {
    size_t at = str_find_char(url, '#');
    assert_int_not_equal(at, STR_NOT_FOUND);
    return str_slice(url, at + 1, url.len);
}

struct str chat_owner_secret(void) {
    struct owner_link_result link;
    assert_err(CALL(the_operator, owner_link, &link, 0), ERR_OK);
    return chat_link_secret(link.url);
}

struct person chat_signed_in(struct uuid id) {
    const struct call_effect *effect = &chat_last_call()->effect;
    assert_true(effect->sign_in);
    return (struct person){.account = effect->account, .session = effect->session, .id = id};
}

struct person chat_make_owner(void) {
    struct owner_create_result made;
    struct str secret = chat_owner_secret();
    assert_err(CALL(nobody, owner_create, &made, .secret = secret, .name = STR("owner"),
                    .password = STR("owner password")),
               ERR_OK);
    return chat_signed_in(made.user->id);
}

struct person chat_make_person(struct person owner, const char *name, enum role role,
                               struct uuid room) {
    struct invite_create_result invite;
    struct user_create_result made;
    assert_err(
        CALL(owner, invite_create, &invite, GIVEN(invite_create, role), .role = role, .room = room),
        ERR_OK);
    assert_err(CALL(nobody, user_create, &made, .invite = chat_link_secret(invite.url),
                    .name = str_from_cstr(name), .password = STR("a password")),
               ERR_OK);
    return chat_signed_in(made.user->id);
}

struct uuid chat_make_room(struct person maker, const char *name, bool is_private) {
    struct room_create_result made;
    assert_err(CALL(maker, room_create, &made, .name = str_from_cstr(name), .private = is_private),
               ERR_OK);
    return made.room->id;
}

struct message chat_say(struct person author, struct uuid room, const char *text) {
    struct message_send_result sent;
    assert_err(CALL(author, message_send, &sent, .room = room, .nonce = str_from_cstr(text),
                    .text = str_from_cstr(text)),
               ERR_OK);
    return *sent.message;
}

/* ---- what happened ---- */

size_t chat_event_count(void) {
    return fixture.event_count;
}

const struct log_event *chat_event(size_t at) {
    assert_true(at < fixture.event_count);
    return &fixture.events[at];
}

void chat_forget_events(void) {
    fixture.event_count = 0;
}

void chat_assert_events(const enum event_id *types, size_t count, const char *file, int line) {
    bool same = fixture.event_count == count;
    for (size_t i = 0; same && i < count; i++)
        same = fixture.events[i].type == types[i];
    for (size_t i = 0; !same && i < fixture.event_count; i++)
        print_error("%zu: %s\n", i, event_type(fixture.events[i].type)->name);
    if (!same)
        _fail(file, line);
}

/* ---- beneath ---- */

struct store *chat_store(void) {
    return fixture.store;
}

const char *chat_folder(void) {
    return fixture.folder;
}

static const char *sql_now;

static enum err chat_sql_body(struct tx *tx, struct fixture_work *work) {
    (void)work;
    return db_exec(tx->db, sql_now);
}

void chat_sql(const char *sql) {
    sql_now = sql;
    assert_err(fixture_write(fixture.store, 0, chat_sql_body), ERR_OK);
}

int64_t chat_integer(const char *sql) {
    return fixture_query(fixture.folder, sql);
}

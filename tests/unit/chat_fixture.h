/* What the tests of the handlers share: operations run over a real store as dispatch runs them (who
 * calls is read from rows, the row's permission, load, prepare, handler), people to run them for,
 * and the events that were committed.
 *
 * Thread: the test's. Owner: everything that an operation answers lives until chat_close. */
#pragma once
#include "auth/call.h"
#include "store_fixture.h"

/* Who calls. */
struct person {
    int64_t account, session;
    struct uuid id;
    bool is_operator;
};
extern const struct person nobody, the_operator;

/* For cmocka: a fresh folder and store; at the end doctor must find nothing. */
int chat_open(void **state);
int chat_close(void **state);
/* Stops the server and starts it anew on the same folder. */
void chat_restart(void);

/* ---- operations ---- */
struct chat_handler {
    enum err (*load)(struct call *call, const void *params);
    enum err (*prepare)(struct call *call, const void *params);
    enum err (*run)(struct call *call, const void *params, void *result);
};

/* CALL(ada, room_create, &result, .name = STR("x")): params that are not zero count as given; name
 * others in GIVEN(room_archive, archived). `result`: NULL when nobody asks. */
#define CALL(who, op, result, ...) chat_wait(START(who, op, result, __VA_ARGS__))
/* The same up to handing the handler to the writer, so that several make one batch. chat_wait gives
 * the outcome. */
#define START(who, op, result, ...)                                                                \
    chat_start((who), OPERATION_##op, chat_handler_##op(),                                         \
               &(const struct op##_params){__VA_ARGS__}, (result))
#define GIVEN(op, member)                                                                          \
    .present = chat_field_bit(OPERATION_##op, offsetof(struct op##_params, member))

struct chat_run;
struct chat_run *chat_start(struct person who, enum operation_id id, struct chat_handler handler,
                            const void *params, void *result);
enum err chat_wait(struct chat_run *run);
uint64_t chat_field_bit(enum operation_id id, size_t offset);
/* What the newest run left besides its result. */
const struct call *chat_last_call(void);
/* Fails the test with the error's code when it is another one. */
#define assert_err(got, expected) chat_assert_err((got), (expected), __FILE__, __LINE__)
void chat_assert_err(enum err got, enum err expected, const char *file, int line);
#define assert_str(got, expected) chat_assert_str((got), (expected), __FILE__, __LINE__)
void chat_assert_str(struct str got, const char *expected, const char *file, int line);

/* Holds the writer: what is started until chat_open_gate makes one batch. */
void chat_close_gate(void);
void chat_open_gate(void);

/* ---- people and rooms ---- */
/* The one-time secret from owner.link. */
struct str chat_owner_secret(void);
/* The first owner, "owner". */
struct person chat_make_owner(void);
/* One who has signed up by an invite with that role; `owner` invites. Guests are in `room`. */
struct person chat_make_person(struct person owner, const char *name, enum role role,
                               struct uuid room);
/* Who the newest run has signed in; the person's id is `id`. */
struct person chat_signed_in(struct uuid id);
/* The part of a link after '#'. */
struct str chat_link_secret(struct str url);
struct uuid chat_make_room(struct person maker, const char *name, bool is_private);
/* The text is the nonce too. */
struct message chat_say(struct person author, struct uuid room, const char *text);

/* ---- what happened ---- */
/* The events committed since the last chat_forget_events, in order. */
size_t chat_event_count(void);
const struct log_event *chat_event(size_t at);
void chat_forget_events(void);
/* Their types, in order, exactly: EVENTS(EVENT_room_left, EVENT_member_left). */
#define assert_events(...)                                                                         \
    chat_assert_events((const enum event_id[]){__VA_ARGS__},                                       \
                       sizeof((const enum event_id[]){__VA_ARGS__}) / sizeof(enum event_id),       \
                       __FILE__, __LINE__)
#define assert_no_events() assert_int_equal(chat_event_count(), 0)
void chat_assert_events(const enum event_id *types, size_t count, const char *file, int line);

/* ---- beneath ---- */
struct store *chat_store(void);
const char *chat_folder(void);
/* Runs SQL on the writer, waited for. */
void chat_sql(const char *sql);
/* The first column of the first row. */
int64_t chat_integer(const char *sql);

/* ---- a function by a type that all share ---- */
#define CHAT_RUN(id)                                                                               \
    static inline enum err chat_run_##id(struct call *call, const void *params, void *result) {    \
        return id(call, params, result);                                                           \
    }
#define CHAT_PREPARE(id)                                                                           \
    static inline enum err chat_prepare_##id(struct call *call, const void *params) {              \
        return id##_prepare(call, params);                                                         \
    }
#define CHAT_LOAD(id)                                                                              \
    static inline enum err chat_load_##id(struct call *call, const void *params) {                 \
        return id##_load(call, params);                                                            \
    }
#define CHAT_HANDLER(id, load, prepare)                                                            \
    static inline struct chat_handler chat_handler_##id(void) {                                    \
        return (struct chat_handler){load, prepare, chat_run_##id};                                \
    }
#define CHAT_READ(id) CHAT_RUN(id) CHAT_HANDLER(id, NULL, NULL)
#define CHAT_WRITE(id) CHAT_READ(id)
#define CHAT_PREPARE_WRITE(id)                                                                     \
    CHAT_RUN(id) CHAT_PREPARE(id) CHAT_HANDLER(id, NULL, chat_prepare_##id)
#define CHAT_LOAD_PREPARE_WRITE(id)                                                                \
    CHAT_RUN(id) CHAT_PREPARE(id) CHAT_LOAD(id) CHAT_HANDLER(id, chat_load_##id, chat_prepare_##id)
#define OP(id, name, method, path, status, run, ...) CHAT_##run(id)
#define IN(...)
#define OUT(...)
#define END(id)
#include "protocol/operations.def"
#include "protocol/undef.h"

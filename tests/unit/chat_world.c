#include "chat_world.h"

#include "api/handlers.h"
#include "auth/auth.h"
#include "auth/identity.h"
#include "base/mem.h"
#include "chat/chat.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* One step of a call on an executor. */
struct world_work {
    struct work work;
    struct list link;
    enum err (*body)(struct tx *tx, void *arg);
    void *arg;
    bool is_done;
    enum err outcome;
};

static pthread_mutex_t world_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t world_changed = PTHREAD_COND_INITIALIZER;

static enum err work_run(struct tx *tx, struct work *work) {
    struct world_work *self = CONTAINER_OF(work, struct world_work, work);
    return self->body(tx, self->arg);
}

static void work_done(struct work *work, enum err outcome) {
    struct world_work *self = CONTAINER_OF(work, struct world_work, work);
    pthread_mutex_lock(&world_lock);
    self->outcome = outcome;
    self->is_done = true;
    pthread_cond_broadcast(&world_changed);
    pthread_mutex_unlock(&world_lock);
}

static void committed(void *arg, const struct log_event *events, size_t count) {
    struct world *world = arg;
    pthread_mutex_lock(&world_lock);
    for (size_t i = 0; i < count; i++) {
        assert_true(world->event_count < WORLD_EVENTS_MAX);
        world->events[world->event_count++] = events[i];
    }
    pthread_mutex_unlock(&world_lock);
}

enum err world_tx(struct world *world, bool writes, enum err (*body)(struct tx *tx, void *arg),
                  void *arg) {
    struct world_work *work = mem_zalloc(1, sizeof *work);
    work->work = (struct work){
        .arena = arena_create(), .writes = writes, .run = work_run, .done = work_done};
    work->body = body;
    work->arg = arg;
    list_push_back(&world->works, &work->link);
    assert_true(store_submit(world->store, &work->work));
    pthread_mutex_lock(&world_lock);
    while (!work->is_done)
        pthread_cond_wait(&world_changed, &world_lock);
    pthread_mutex_unlock(&world_lock);
    return work->outcome;
}

/* ---- the world ---- */

struct world *world_create(void) {
    struct world *world = mem_zalloc(1, sizeof *world);
    const struct chat_options chat = {.public_url = STR("https://chat.example.org"),
                                      .resume_max_events = 20};
    const struct auth_options auth = {.password = {.memory_bytes = 8192, .passes = 1},
                                      .session_days = 30};
    chat_init(&chat);
    auth_init(&auth);
    list_init(&world->works);
    world->folder = fixture_make_folder();
    world->store = fixture_open(world->folder, NULL);
    world->ops = (struct executor_ops){.committed = committed, .arg = world};
    store_start(world->store, &world->ops);
    return world;
}

void world_destroy(struct world *take_world) {
    fixture_close(take_world->store);
    LIST_EACH(&take_world->works, link) {
        struct world_work *work = CONTAINER_OF(link, struct world_work, link);
        list_remove(link);
        arena_destroy(work->work.arena);
        mem_free(work);
    }
    fixture_remove_folder(take_world->folder);
    mem_free(take_world);
}

int world_setup(void **state) {
    *state = world_create();
    return 0;
}

int world_teardown(void **state) {
    world_destroy(*state);
    return 0;
}

static void add_person(struct world *world, const char *name, enum role role) {
    struct user_add_result added;
    assert_int_equal(WORLD_CALL(world, user_add, world_operator(), &added,
                                .name = str_from_cstr(name), .role = role,
                                .password = STR("correct horse")),
                     ERR_OK);
}

int world_setup_people(void **state) {
    struct world *world = world_create();
    *state = world;
    add_person(world, "ada", ROLE_OWNER);
    add_person(world, "ben", ROLE_MEMBER);
    add_person(world, "cyd", ROLE_MEMBER);
    add_person(world, "gus", ROLE_GUEST);
    add_person(world, "amy", ROLE_ADMIN);
    return 0;
}

/* ---- calls ---- */

struct actor world_operator(void) {
    return (struct actor){.is_operator = true, .role = ROLE_OWNER};
}

struct actor world_nobody(void) {
    return (struct actor){0};
}

struct find {
    struct str name;
    struct actor actor;
};

static enum err find_body(struct tx *tx, void *arg) {
    struct find *find = arg;
    struct account_row account;
    enum err err = identity_find(tx, find->name, &account);
    if (err == ERR_OK)
        find->actor = (struct actor){
            .account = account.key, .author = account_author(&account), .role = account.role};
    return err;
}

struct actor world_person(struct world *world, const char *name) {
    struct find find = {.name = str_from_cstr(name)};
    assert_int_equal(world_tx(world, false, find_body, &find), ERR_OK);
    return find.actor;
}

struct step {
    struct call call;
    const struct handler *handler;
    const void *params;
    void *result;
};

static enum err load_body(struct tx *tx, void *arg) {
    struct step *step = arg;
    step->call.tx = tx;
    step->call.arena = tx->arena;
    return step->handler->load(&step->call, step->params);
}

static enum err run_body(struct tx *tx, void *arg) {
    struct step *step = arg;
    step->call.tx = tx;
    step->call.arena = tx->arena;
    return step->handler->run(&step->call, step->params, step->result);
}

static enum err prepare(struct world *world, struct step *step) {
    struct world_work *work = mem_zalloc(1, sizeof *work); /* for its arena */
    work->work.arena = arena_create();
    list_push_back(&world->works, &work->link);
    step->call.tx = NULL;
    step->call.arena = work->work.arena;
    return step->handler->prepare(&step->call, step->params);
}

enum err world_run(struct world *world, enum operation_id operation, struct actor actor,
                   const void *params, void *result) {
    const struct operation *row = &operation_table()[operation];
    struct step step = {.handler = handler_of(operation), .params = params, .result = result};
    world->error = (struct error_detail){0};
    world->event_mark = world->event_count;
    step.call.operation = row;
    step.call.actor = actor;
    step.call.error = &world->error;
    memset(result, 0, row->result_size);
    enum err err = step.handler->load == NULL ? ERR_OK : world_tx(world, false, load_body, &step);
    if (err == ERR_OK && step.handler->prepare != NULL)
        err = prepare(world, &step);
    if (err == ERR_OK)
        err = world_tx(world, row->run != RUN_READ, run_body, &step);
    world->effect = step.call.effect;
    world->created = step.call.wants_created;
    return err;
}

uint64_t world_bit(enum operation_id operation, size_t offset) {
    const struct field *in = operation_table()[operation].in;
    for (size_t i = 0; in[i].name != NULL; i++)
        if (in[i].offset == offset)
            return UINT64_C(1) << i;
    fail_msg("no such parameter");
    return 0;
}

const struct log_event *world_event(const struct world *world, enum event_id type, size_t nth) {
    for (size_t i = world->event_mark; i < world->event_count; i++)
        if (world->events[i].type == type && nth-- == 0)
            return &world->events[i];
    return NULL;
}

size_t world_event_total(const struct world *world) {
    return world->event_count - world->event_mark;
}

/* ---- shorthands ---- */

struct uuid world_make_room(struct world *world, struct actor actor, const char *name,
                            bool is_private) {
    struct room_create_result made;
    assert_int_equal(WORLD_CALL(world, room_create, actor, &made, .name = str_from_cstr(name),
                                .private = is_private),
                     ERR_OK);
    return made.room->id;
}

void world_join(struct world *world, struct actor actor, struct uuid room) {
    struct room_join_result joined;
    assert_int_equal(WORLD_CALL(world, room_join, actor, &joined, .room = room), ERR_OK);
}

void world_add(struct world *world, struct actor actor, struct uuid room, struct actor person) {
    struct room_add_result added;
    assert_int_equal(
        WORLD_CALL(world, room_add, actor, &added, .room = room, .user = person.author.id), ERR_OK);
}

struct message world_send(struct world *world, struct actor actor, struct uuid room,
                          const char *nonce, const char *text) {
    struct message_send_result sent;
    assert_int_equal(WORLD_CALL(world, message_send, actor, &sent, .room = room,
                                .nonce = str_from_cstr(nonce), .text = str_from_cstr(text)),
                     ERR_OK);
    return *sent.message;
}

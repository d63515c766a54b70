/* What the tests of handlers share: a real store in a folder of its own, people, and operations
 * that are run as the server runs them (load, prepare, then the handler in a transaction). Thread:
 * the test's. */
#pragma once
#include "auth/call.h"
#include "store/executor.h"

enum { WORLD_EVENTS_MAX = 1024 };

struct world {
    char *folder;
    struct store *store;
    struct list works; /* all calls; their arenas live until the end, results point into them */
    struct executor_ops ops;
    struct error_detail error;                 /* of the last call */
    struct call_effect effect;                 /* of the last call */
    bool created;                              /* the last call set wants_created */
    struct log_event events[WORLD_EVENTS_MAX]; /* all that was committed */
    size_t event_count;
    size_t event_mark; /* where the last call's begin */
};

/* Opens the store and starts it. */
struct world *world_create(void);
void world_destroy(struct world *take_world);
/* Setup and teardown for cmocka: *state is the world. */
int world_setup(void **state);
int world_teardown(void **state);

/* A fresh world with an owner "ada", a member "ben", a member "cyd", a guest "gus" and an admin
 * "amy", made by the operator. */
int world_setup_people(void **state);

/* Who calls. */
struct actor world_operator(void);
struct actor world_nobody(void);
struct actor world_person(struct world *world, const char *name);

/* Runs the operation, all its steps. `result` is zeroed first. */
enum err world_run(struct world *world, enum operation_id operation, struct actor actor,
                   const void *params, void *result);
/* The same with the parameters written out; `given` has a bit for each optional parameter that
 * counts as given, by its place. */
#define WORLD_CALL(world, op, actor, result, ...)                                                  \
    world_run((world), OPERATION_##op, (actor), &(const struct op##_params){__VA_ARGS__}, (result))
#define GIVEN(op, member) (world_bit(OPERATION_##op, offsetof(struct op##_params, member)))
uint64_t world_bit(enum operation_id operation, size_t offset);

/* The n-th event (from 0) of that type that the last call gave; NULL without one. */
const struct log_event *world_event(const struct world *world, enum event_id type, size_t nth);
size_t world_event_total(const struct world *world);
/* Runs a body in a transaction of its own. */
enum err world_tx(struct world *world, bool writes, enum err (*body)(struct tx *tx, void *arg),
                  void *arg);

/* ---- shorthands that fail the test when they are refused ---- */
struct uuid world_make_room(struct world *world, struct actor actor, const char *name,
                            bool is_private);
void world_join(struct world *world, struct actor actor, struct uuid room);
void world_add(struct world *world, struct actor actor, struct uuid room, struct actor person);
struct message world_send(struct world *world, struct actor actor, struct uuid room,
                          const char *nonce, const char *text);

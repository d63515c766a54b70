#include "api/dispatch.h"

#include "api/api.h"
#include "api/handlers.h"
#include "auth/limit.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "protocol/permissions.h"
#include "realtime/hub.h"

static enum err dispatch_run(struct tx *tx, struct work *work);
static void dispatch_done(struct work *work, enum err outcome);
static void dispatch_prepare(struct job *job);
static void reply_on_loop(struct loop *loop, struct mail *mail);

void dispatch_prime(struct request *request) {
    request->work.run = dispatch_run;
    request->work.done = dispatch_done;
    request->job.run = dispatch_prepare;
    request->mail.run = reply_on_loop;
}

/* ---- back to where it came from ---- */

static void reply_on_loop(struct loop *loop, struct mail *mail) {
    struct request *request = CONTAINER_OF(mail, struct request, mail);
    (void)loop;
    metrics_observe_us(METRIC_REQUEST_TIME, (clock_monotonic_ns() - request->started_ns) / 1000);
    request->reply(request);
}

static void finish(struct request *request, enum err outcome) {
    request->outcome = outcome;
    if (outcome == ERR_OVERLOADED && request->error.retry_after_ms == 0)
        request->error.retry_after_ms = 1000;
    if (request->loop == NULL)
        request->reply(request);
    else if (loop_current() == request->loop)
        reply_on_loop(request->loop, &request->mail);
    else
        loop_post(request->loop, &request->mail);
}

static void answer_now(struct loop *loop, struct mail *mail) {
    struct request *request = CONTAINER_OF(mail, struct request, mail);
    (void)loop;
    request->reply(request);
}

void dispatch_answer_with_event(struct request *take_request,
                                void (*answer)(struct request *take_request)) {
    struct request *request = take_request;
    request->reply = answer;
    request->mail.run = answer_now;
    if (!request->work.writes || !hub_run_after_delivery(request->loop->hub, &request->mail))
        answer(request);
}

/* ---- on the loop ---- */

static bool is_signed_in(const struct credential *credential) {
    return credential->token.len > 0 || credential->session_row != 0 || credential->is_operator;
}

/* Strangers are counted by address before any work is done for them; people by account, once it is
 * known who they are. */
static enum err charge_address(struct request *request) {
    const struct operation *operation = request->operation;
    if (request->credential.is_operator)
        return ERR_OK;
    uint64_t wait_ms = 0;
    if (operation->permission == PERMISSION_PUBLIC) {
        wait_ms = limit_take_address(LIMIT_BASE, request->address);
        if (wait_ms == 0 && operation->limit != LIMIT_NONE)
            wait_ms = limit_take_address(operation->limit, request->address);
    }
    request->error.retry_after_ms = (int64_t)wait_ms;
    return wait_ms == 0 ? ERR_OK : ERR_RATE_LIMITED;
}

static enum err charge_person(struct request *request, int64_t account) {
    const struct operation *operation = request->operation;
    if (request->charged || account == 0)
        return ERR_OK;
    request->charged = true;
    uint64_t wait_ms = limit_take_person(LIMIT_BASE, account);
    if (wait_ms == 0 && operation != NULL && operation->limit != LIMIT_NONE &&
        operation->permission != PERMISSION_PUBLIC)
        wait_ms = limit_take_person(operation->limit, account);
    request->error.retry_after_ms = (int64_t)wait_ms;
    return wait_ms == 0 ? ERR_OK : ERR_RATE_LIMITED;
}

enum err dispatch_refuse_stranger(struct request *request) {
    if (request->charged)
        return ERR_INVALID_TOKEN;
    request->charged = true;
    uint64_t wait_ms = limit_take_address(LIMIT_BASE, request->address);
    request->error.retry_after_ms = (int64_t)wait_ms;
    return wait_ms == 0 ? ERR_INVALID_TOKEN : ERR_RATE_LIMITED;
}

/* Hands the request to the thread that its next step runs on. */
static void hand_over(struct request *request) {
    bool taken;
    if (request->step == REQUEST_PREPARE) {
        taken = worker_submit(request->api->workers, &request->job);
    } else {
        request->work.writes = request->step == REQUEST_RUN && request->operation != NULL &&
                               request->operation->run != RUN_READ;
        taken = request->loop != NULL && loop_current() == request->loop
                    ? store_submit_later(request->api->store, &request->work)
                    : store_submit(request->api->store, &request->work);
    }
    if (!taken)
        finish(request, ERR_OVERLOADED);
}

void dispatch_turn_end(struct loop *loop, struct turn_end *hook) {
    struct api *api = loop->api;
    (void)hook;
    store_wake(api->store);
}

void dispatch_request(struct request *take_request, unsigned way) {
    struct request *request = take_request;
    const struct operation *operation = request->operation;
    enum err err = ERR_OK;
    if (operation != NULL) {
        request->call.operation = operation;
        request->result = arena_zalloc(request->arena, operation->result_size + 1);
        if ((operation->ways & way) == 0)
            err = ERR_UNKNOWN_OPERATION;
        else if (operation->permission != PERMISSION_PUBLIC && !is_signed_in(&request->credential))
            err = ERR_SIGN_IN_REQUIRED;
        else
            err = charge_address(request);
    }
    if (err != ERR_OK) {
        finish(request, err);
        return;
    }
    request->step = REQUEST_RUN;
    if (operation != NULL && operation->run == RUN_LOAD_PREPARE_WRITE)
        request->step = REQUEST_LOAD;
    else if (operation != NULL && operation->run == RUN_PREPARE_WRITE)
        request->step = REQUEST_PREPARE;
    hand_over(request);
}

/* ---- on an executor ---- */

/* Reads from rows who calls; nobody is a good answer for what is public. */
static enum err find_actor(struct tx *tx, struct request *request, struct actor *actor) {
    const struct credential *credential = &request->credential;
    *actor = (struct actor){0};
    if (credential->is_operator) {
        actor->is_operator = true;
        actor->role = ROLE_OWNER;
        return ERR_OK;
    }
    if (credential->session_row != 0)
        return token_find_session(tx, credential->session_row, actor);
    if (credential->token.len > 0)
        return token_find_actor(tx, credential->token, actor);
    return ERR_OK;
}

static enum err check_permission(const struct operation *operation, const struct actor *actor) {
    if (actor->is_operator || operation->permission == PERMISSION_PUBLIC)
        return ERR_OK;
    if (actor->account == 0)
        return ERR_SIGN_IN_REQUIRED;
    if (operation->permission == PERMISSION_SIGNED_IN ||
        permission_allows(operation->permission, actor->role))
        return ERR_OK;
    return ERR_FORBIDDEN;
}

static enum err dispatch_run(struct tx *tx, struct work *work) {
    struct request *request = CONTAINER_OF(work, struct request, work);
    const struct operation *operation = request->operation;
    struct call *call = &request->call;
    call->tx = tx;
    call->effect = (struct call_effect){0};
    blob_unref(call->encoded); /* of a run whose batch was lost */
    call->encoded = NULL;
    bool is_public = operation != NULL && operation->permission == PERMISSION_PUBLIC;
    enum err err = find_actor(tx, request, &call->actor);
    if (err == ERR_INVALID_TOKEN && is_public) {
        call->actor = (struct actor){0}; /* a stale cookie must not keep anybody from signing in */
        err = ERR_OK;
    }
    if (err == ERR_INVALID_TOKEN && request->credential.token.len > 0)
        err = dispatch_refuse_stranger(request);
    if (err == ERR_OK)
        err = charge_person(request, call->actor.account);
    if (err == ERR_OK && operation != NULL)
        err = check_permission(operation, &call->actor);
    if (err != ERR_OK || operation == NULL)
        return err;
    const struct handler *handler = handler_of(request->id);
    if (request->step == REQUEST_LOAD)
        return handler->load(call, request->params);
    return handler->run(call, request->params, request->result);
}

static void dispatch_done(struct work *work, enum err outcome) {
    struct request *request = CONTAINER_OF(work, struct request, work);
    request->call.tx = NULL;
    if (outcome == ERR_OK && request->step == REQUEST_LOAD) {
        request->step = REQUEST_PREPARE;
        hand_over(request);
        return;
    }
    finish(request, outcome);
}

/* ---- on a worker ---- */

static void dispatch_prepare(struct job *job) {
    struct request *request = CONTAINER_OF(job, struct request, job);
    enum err err = handler_of(request->id)->prepare(&request->call, request->params);
    if (err != ERR_OK) {
        finish(request, err);
        return;
    }
    request->step = REQUEST_RUN;
    hand_over(request);
}

/* Socket.IO's way in: joining a namespace is session.start, an event of the client is an operation,
 * its acknowledgement the reply (socketio_ops). */
#include "api/api.h"
#include "api/dispatch.h"
#include "api/http_api.h"
#include "api/session_api.h"
#include "auth/limit.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "net/ws_frame.h"
#include "protocol/encode.h"
#include "realtime/transport_socketio.h"

enum { PID_RANDOM_BYTES = 16 };
/* A join that is refused for a passing reason waits, and this long at most. */
enum { JOIN_HOLD_MAX_MS = 5000, JOIN_RETRY_MS = 1000 };
enum { PID_MAX_BYTES = UUID_TEXT_BYTES + TEXT_BASE64URL_BYTES(PID_RANDOM_BYTES) };

static struct api *api_of(const struct socketio_client *client) {
    return socketio_client_loop(client)->api;
}

/* ---- clients ---- */

/* By what the client's first request proves who it is: counts in every namespace whose auth payload
 * has no token. */
static void on_open(struct socketio_client *client, struct conn *conn,
                    const struct http_request *request) {
    struct str token;
    if (http_api_credential(conn, request, true, &token) != ERR_OK || token.len == 0)
        return;
    char *kept = mem_zalloc(1, token.len + 1);
    memcpy(kept, token.ptr, token.len);
    socketio_client_set_user(client, kept);
}

static void on_close(struct socketio_client *client) {
    mem_free(socketio_client_user(client));
}

/* ---- joining a namespace ---- */

/* A namespace asked for, while its session.start is away, or waits to be tried again. */
struct join {
    struct socketio_socket *socket;
    struct request *request;
    struct socketio_wait wait;
    uint64_t give_up_ms; /* loop time; 0: it has not waited yet */
    bool wants_recovery;
    struct str pid; /* of the state that it would recover; empty: none */
};

static struct str text_of(const json_t *auth, const char *name) {
    const json_t *value = json_object_get(auth, name);
    return json_is_string(value) ? str_make(json_string_value(value), json_string_length(value))
                                 : STR_EMPTY;
}

/* null is the same as not given. */
static bool is_given(const json_t *auth, const char *name) {
    const json_t *value = json_object_get(auth, name);
    return value != NULL && !json_is_null(value);
}

static enum err refuse_auth(struct request *request, const char *name, const char *allowed) {
    request->error.field = str_from_cstr(name);
    request->error.detail = str_from_cstr(allowed);
    return ERR_INVALID_FIELD;
}

/* What the payload holds beside the params of session.start must have the right type. The client
 * library adds `pid` and `offset` by itself. */
static enum err check_auth(struct request *request, const json_t *auth) {
    static const char *const texts[] = {"token", "pid", "offset"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (is_given(auth, texts[i]) && !json_is_string(json_object_get(auth, texts[i])))
            return refuse_auth(request, texts[i], "a string");
    }
    if (is_given(auth, "recovery") && !json_is_boolean(json_object_get(auth, "recovery")))
        return refuse_auth(request, "recovery", "true or false");
    return ERR_OK;
}

/* The payload is session.start's params; the offset of a state to recover stands for `cursor`. */
static enum err decode_start(struct request *request, const struct join *join, json_t *auth) {
    struct decode_source source = {.body = decode_object_of(auth)};
    struct str offset = text_of(auth, "offset");
    if (join->pid.len > 0 && offset.len > 0)
        source.path[source.path_count++] = (struct decode_pair){STR("cursor"), offset};
    return decode_params(request->arena, request->operation, &source, request->params,
                         &request->error);
}

static enum err read_join(struct request *request, struct join *join, json_t *auth) {
    struct str token = text_of(auth, "token");
    const char *kept = socketio_client_user(socketio_client_of(join->socket));
    request->id = OPERATION_session_start;
    request->operation = &operation_table()[request->id];
    request->params = arena_zalloc(request->arena, request->operation->params_size);
    request->credential.token =
        arena_strdup(request->arena, token.len > 0 ? token : str_from_cstr(kept));
    join->pid = arena_strdup(request->arena, text_of(auth, "pid"));
    join->wants_recovery = join->pid.len > 0 || json_is_true(json_object_get(auth, "recovery"));
    enum err err = check_auth(request, auth);
    return err == ERR_OK ? decode_start(request, join, auth) : err;
}

/* What cannot be a sign-in costs a stranger as much as any other request; a wrong token is charged
 * where it is found out, a right one not at all. */
static enum err charge_stranger(struct request *request, enum err outcome) {
    if (outcome == ERR_OK && request->credential.token.len > 0)
        return ERR_OK;
    request->error.retry_after_ms = (int64_t)limit_take_address(LIMIT_BASE, request->address);
    return request->error.retry_after_ms == 0 ? outcome : ERR_RATE_LIMITED;
}

static void finish_join(struct request *take_request);

static void on_connect(struct socketio_socket *socket, json_t *auth) {
    struct socketio_client *client = socketio_client_of(socket);
    struct request *request =
        request_create(api_of(client), socketio_client_loop(client), finish_join);
    struct join *join = arena_zalloc(request->arena, sizeof *join);
    join->socket = socket;
    join->request = request;
    socketio_hold(socket);
    request->way = join;
    memcpy(request->address, socketio_client_peer(client), sizeof request->address);
    request->outcome = charge_stranger(request, read_join(request, join, auth));
    if (atomic_load(&request->api->draining))
        request->outcome = ERR_DRAINING;
    if (request->outcome != ERR_OK)
        finish_join(request);
    else
        dispatch_request(request, WAY_SOCKET);
}

/* ---- a join refused for a passing reason ---- */

/* What another try may mend. A stranger's limit is not held for him: it answers at once. */
static bool is_passing(const struct request *request) {
    if (request->outcome == ERR_RATE_LIMITED)
        return request->call.actor.account != 0;
    return request->outcome == ERR_OVERLOADED || request->outcome == ERR_DRAINING ||
           request->outcome == ERR_STORAGE_UNAVAILABLE;
}

/* It is tried again where the bucket that was empty has one for it: so that waiting takes nothing
 * from the person's other limits, and no executor's time. */
static void try_join_again(struct socketio_wait *wait) {
    struct request *request = CONTAINER_OF(wait, struct join, wait)->request;
    const struct actor *actor = &request->call.actor;
    int64_t wait_ms = 0;
    if (atomic_load(&request->api->draining))
        request->outcome = ERR_DRAINING;
    if (request->outcome == ERR_RATE_LIMITED && socketio_is_there(wait->socket))
        wait_ms = (int64_t)limit_take_person(request->operation->limit, actor->account);
    request->error = (struct error_detail){.retry_after_ms = wait_ms};
    if (wait_ms > 0 || request->outcome == ERR_DRAINING || !socketio_is_there(wait->socket))
        finish_join(request);
    else
        dispatch_request(request, WAY_SOCKET);
}

/* Only for who is known, here or by another namespace: to a stranger nothing is kept. False when it
 * is not to wait, or has waited long enough. */
static bool hold_join(struct join *join) {
    const struct request *request = join->request;
    uint64_t now_ms = loop_now_ms(request->loop);
    uint64_t delay_ms = (uint64_t)request->error.retry_after_ms;
    bool is_known =
        request->call.actor.account != 0 || socketio_count(socketio_client_of(join->socket)) > 0;
    if (join->give_up_ms == 0)
        join->give_up_ms = now_ms + JOIN_HOLD_MAX_MS;
    if (!is_known || request->outcome == ERR_DRAINING || now_ms >= join->give_up_ms)
        return false;
    if (delay_ms == 0)
        delay_ms = JOIN_RETRY_MS;
    if (delay_ms > join->give_up_ms - now_ms)
        delay_ms = join->give_up_ms - now_ms;
    join->wait.wake = try_join_again;
    socketio_wait(join->socket, &join->wait, delay_ms);
    return true;
}

/* The client library never comes back by itself after a CONNECT_ERROR, and does after the loss of
 * its connection: that is the answer to what will pass, unless other namespaces would lose too. */
static void refuse_join(struct socketio_socket *socket, const struct request *request) {
    struct socketio_client *client = socketio_client_of(socket);
    struct str message = str_from_cstr(err_message(request->outcome));
    if (is_passing(request) && socketio_count(client) == 0) {
        socketio_close(client, WS_CLOSE_TRY_AGAIN_LATER, message);
        return;
    }
    struct buf data = BUF_INIT;
    encode_error(&data, request->outcome, &request->error);
    socketio_refuse(socket, message, buf_str(&data));
    buf_finish(&data);
}

/* ---- a join that went well ---- */

/* A pid says whose state it names, so that nobody else's counts as recovered: the person's id, a
 * dot, and what makes it one of its kind. It proves nothing: who it is was asked before. */
static bool is_pid_of(struct str pid, struct uuid person) {
    char id[UUID_TEXT_BYTES];
    uuid_format(person, id);
    if (!str_starts_with(pid, str_from_cstr(id)) || pid.len >= PID_MAX_BYTES)
        return false;
    for (size_t i = 0; i < pid.len; i++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.",
                   pid.ptr[i]) == NULL)
            return false;
    }
    return true;
}

static struct str make_pid(struct arena *arena, struct uuid person) {
    uint8_t bytes[PID_RANDOM_BYTES];
    char id[UUID_TEXT_BYTES], random[TEXT_BASE64URL_BYTES(PID_RANDOM_BYTES)];
    random_bytes(bytes, sizeof bytes);
    text_base64url_encode(bytes, sizeof bytes, random);
    uuid_format(person, id);
    return arena_printf(arena, "%s.%s", id, random);
}

/* The old one where the stream goes on from it: the client takes its state for recovered. */
static struct str choose_pid(const struct join *join, const struct request *request) {
    const struct session_start_result *result = request->result;
    struct uuid person = request->call.actor.author.id;
    if (!join->wants_recovery)
        return STR_EMPTY;
    if (result->resumed && is_pid_of(join->pid, person))
        return join->pid;
    return make_pid(request->arena, person);
}

static void open_session(const struct join *join, const struct request *request) {
    struct session *session = transport_socketio_open(join->socket, request->loop->hub);
    if (!session_api_sign_in(session, request))
        return;
    if (join->wants_recovery)
        transport_socketio_add_offsets(session);
    socketio_accept(join->socket, choose_pid(join, request));
    session_api_start(session, request);
}

static void finish_join(struct request *take_request) {
    struct join *join = take_request->way;
    if (!socketio_is_there(join->socket)) {
        /* nobody to answer */
    } else if (take_request->outcome == ERR_OK) {
        open_session(join, take_request);
    } else if (is_passing(take_request) && hold_join(join)) {
        return;
    } else {
        refuse_join(join->socket, take_request);
    }
    socketio_release(join->socket);
    request_destroy(take_request);
}

/* ---- operations ---- */

/* Who waits for an operation's acknowledgement. */
struct errand {
    struct socketio_socket *socket;
    struct session *session;
    int64_t ack;
};

static void acknowledge(const struct errand *errand, const struct request *request) {
    struct buf args = BUF_INIT;
    if (request->outcome == ERR_OK) {
        buf_append_cstr(&args, "[{\"result\":");
        request_encode_result(&args, request);
    } else {
        buf_append_cstr(&args, "[{\"error\":");
        encode_error(&args, request->outcome, &request->error);
    }
    buf_append_cstr(&args, "}]");
    socketio_acknowledge(errand->socket, errand->ack, buf_str(&args), NULL, 0);
    buf_finish(&args);
}

static void answer_operation(struct request *take_request) {
    struct errand *errand = take_request->way;
    acknowledge(errand, take_request);
    if (take_request->outcome == ERR_INVALID_TOKEN)
        session_close(errand->session, CLOSE_SIGNED_OUT, STR("session ended"));
    session_release(errand->session);
    socketio_release(errand->socket);
    request_destroy(take_request);
}

static void finish_operation(struct request *take_request) {
    dispatch_answer_with_event(take_request, answer_operation);
}

static enum err read_operation(struct request *request, const struct socketio_args *args) {
    if (args->json == NULL)
        return ERR_INVALID_JSON;
    const json_t *name = json_array_get(args->json, 0);
    if (!json_is_string(name))
        return ERR_UNKNOWN_OPERATION;
    if (args->binary_count > 0 || socketio_has_placeholder(args->json))
        return ERR_INVALID_REQUEST;
    enum err err = request_decode_operation(
        request, str_make(json_string_value(name), json_string_length(name)),
        decode_object_of(json_array_get(args->json, 1)));
    if (request->operation == NULL)
        return err;
    if (request->id == OPERATION_session_authenticate)
        return ERR_ALREADY_SIGNED_IN;
    return request->id == OPERATION_session_start ? ERR_ALREADY_STARTED : err;
}

static void refuse_overload(struct socketio_socket *socket, int64_t ack) {
    struct buf args = BUF_INIT;
    buf_append_cstr(&args, "[{\"error\":");
    encode_error(&args, ERR_OVERLOADED, &(struct error_detail){.retry_after_ms = 1000});
    buf_append_cstr(&args, "}]");
    socketio_acknowledge(socket, ack, buf_str(&args), NULL, 0);
    buf_finish(&args);
}

static void on_event(struct socketio_socket *socket, const struct socketio_args *args,
                     int64_t ack) {
    struct session *session = transport_socketio_session(socket);
    if (session == NULL || !session_takes_requests(session))
        return;
    if (!session_hold(session)) {
        refuse_overload(socket, ack);
        return;
    }
    struct request *request =
        request_create(session_loop(session)->api, session_loop(session), finish_operation);
    struct errand *errand = arena_alloc(request->arena, sizeof *errand);
    *errand = (struct errand){socket, session, ack};
    socketio_hold(socket);
    request->way = errand;
    request->credential.session_row = session_identity(session)->row;
    memcpy(request->address, session_peer(session), sizeof request->address);
    request->outcome = read_operation(request, args);
    if (request->outcome != ERR_OK)
        finish_operation(request);
    else
        dispatch_request(request, WAY_SOCKET);
}

const struct socketio_ops api_socketio_ops = {.on_open = on_open,
                                              .on_connect = on_connect,
                                              .on_event = on_event,
                                              .on_drain = transport_socketio_on_drain,
                                              .on_disconnect = transport_socketio_on_disconnect,
                                              .on_close = on_close};

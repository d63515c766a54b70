#include "realtime/engine_state.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/text.h"
#include "net/ws_frame.h"
#include <stdio.h>

enum {
    QUEUE_MIN = 4,
    /* What a frame that waits for a poll costs beside its bytes: its blob, its place. Without it a
     * flood of empty messages would weigh nothing. */
    FRAME_COST_BYTES = 64,
};

static void on_turn(struct loop *loop, struct mail *mail);
static void on_timer(struct timer *timer);

/* ---- servers ---- */

struct engine_server *engine_server_create(struct loop *loop, struct net *net,
                                           const struct engineio_options *options,
                                           const struct engineio_ops *ops,
                                           struct engine_group *group) {
    CHECK(group->count < ENGINE_SERVERS_MAX);
    struct engine_server *server = mem_zalloc(1, sizeof *server);
    server->loop = loop;
    server->net = net;
    server->options = *options;
    server->ops = ops;
    server->group = group;
    server->number = (unsigned)group->count;
    server->mail.run = on_turn;
    list_init(&server->mail.link);
    list_init(&server->engines);
    list_init(&server->later);
    strmap_init(&server->by_sid);
    group->servers[group->count++] = server;
    return server;
}

void *engine_server_user(const struct engine_server *server) {
    return server->user;
}

void engine_server_set_user(struct engine_server *server, void *user) {
    server->user = user;
}

/* ---- life ---- */

static void draw_sid(struct engine *engine) {
    uint8_t secret[ENGINE_SECRET_BYTES];
    random_bytes(secret, sizeof secret);
    snprintf(engine->sid, sizeof engine->sid, "%02x", engine->server->number);
    size_t length = text_base64url_encode(secret, sizeof secret, engine->sid + 2);
    CHECK(length == ENGINE_SID_CHARS - 2);
}

struct engine *engine_create(struct engine_server *server, const struct http_request *request) {
    if (server->engine_count >= server->options.max_engines)
        return NULL;
    struct engine *engine = mem_zalloc(1, sizeof *engine);
    engine->server = server;
    draw_sid(engine);
    memcpy(engine->peer, request->client, sizeof engine->peer);
    list_init(&engine->later_link);
    list_push_back(&server->engines, &engine->link);
    server->engine_count++;
    strmap_put(&server->by_sid, str_make(engine->sid, ENGINE_SID_CHARS), engine);
    metrics_add(METRIC_ENGINES, 1);
    engine->ping_due_ms = loop_now_ms(server->loop) + server->options.ping_interval_ms;
    timer_init(&engine->timer, on_timer);
    engine_arm_timer(engine);
    return engine;
}

static void destroy(struct engine *engine) {
    struct engine_server *server = engine->server;
    list_remove(&engine->link);
    list_remove(&engine->later_link);
    server->engine_count--;
    metrics_add(METRIC_ENGINES, -1);
    server->ops->on_close(engine);
    engine_drop_unsent(engine);
    mem_free(engine);
}

void engine_end(struct engine *engine, enum engineio_type last) {
    if (engine->state == ENGINE_CLOSED)
        return;
    /* first of all: nothing that comes from here on may find it open */
    engine->state = ENGINE_CLOSED;
    timer_disarm(&engine->timer);
    strmap_remove(&engine->server->by_sid, str_make(engine->sid, ENGINE_SID_CHARS));
    if (engine->poll != NULL)
        engine_answer_poll(engine, last);
    engine_close_socket(&engine->socket, WS_CLOSE_NORMAL, STR_EMPTY);
    engine_close_socket(&engine->probe, WS_CLOSE_NORMAL, STR_EMPTY);
    engine_touch(engine);
}

void engine_close(struct engine *engine, uint16_t code, struct str reason) {
    if (engine->state != ENGINE_OPEN)
        return;
    if (engine->socket != NULL) {
        engine_close_socket(&engine->socket, code, reason);
        engine_end(engine, ENGINEIO_CLOSE);
        return;
    }
    engine->state = ENGINE_LAST_WORDS;
    engine_touch(engine);
    engine->close_due_ms = loop_now_ms(engine->server->loop) + ENGINE_CLOSE_WAIT_MS;
    engine_arm_timer(engine);
}

void engine_server_destroy(struct engine_server *take_server) {
    struct engine_server *server = take_server;
    LIST_EACH(&server->engines, link) {
        engine_end(CONTAINER_OF(link, struct engine, link), ENGINEIO_CLOSE);
    }
    LIST_EACH(&server->engines, gone) {
        destroy(CONTAINER_OF(gone, struct engine, link));
    }
    list_remove(&server->mail.link); /* the turn that it asked for does not come any more */
    strmap_finish(&server->by_sid);
    mem_free(server);
}

/* ---- the next turn ---- */

void engine_touch(struct engine *engine) {
    struct engine_server *server = engine->server;
    if (list_is_empty(&engine->later_link))
        list_push_back(&server->later, &engine->later_link);
    if (server->is_posted)
        return;
    server->is_posted = true;
    loop_post(server->loop, &server->mail);
}

void engine_call_later(struct engine *engine) {
    engine->wants_call = true;
    engine_touch(engine);
}

static void settle(struct engine *engine) {
    if (engine->wants_call) {
        engine->wants_call = false;
        engine->server->ops->on_later(engine);
    }
    if (engine->poll != NULL && engine->queue_count > 0)
        engine_answer_poll(engine, ENGINEIO_NOOP);
    else if (engine->poll != NULL && engine->state == ENGINE_LAST_WORDS)
        engine_end(engine, ENGINEIO_CLOSE);
    if (engine->state == ENGINE_CLOSED)
        destroy(engine);
}

static void on_turn(struct loop *loop, struct mail *mail) {
    struct engine_server *server = CONTAINER_OF(mail, struct engine_server, mail);
    struct list batch, *link;
    (void)loop;
    list_init(&batch);
    list_splice_back(&batch, &server->later);
    server->is_posted = false;
    while ((link = list_pop_front(&batch)) != NULL)
        settle(CONTAINER_OF(link, struct engine, later_link));
}

/* ---- heartbeat and other times ---- */

/* The answer has its time from now on: a ping that we send late, after a stall, is no fault of the
 * client's. */
static void ping(struct engine *engine) {
    struct blob *frame = engineio_frame(ENGINEIO_PING, STR_EMPTY);
    engine->awaits_pong = true;
    engine->ping_due_ms = loop_now_ms(engine->server->loop);
    engine_send_frame(engine, frame);
    blob_unref(frame);
}

/* True when the time that the engine has is over. */
static bool is_overdue(const struct engine *engine, uint64_t now_ms) {
    if (engine->state == ENGINE_LAST_WORDS)
        return now_ms >= engine->close_due_ms;
    return engine->awaits_pong &&
           now_ms >= engine->ping_due_ms + engine->server->options.ping_timeout_ms;
}

static void end_probe_if_due(struct engine *engine, uint64_t now_ms) {
    if (engine->probe == NULL || now_ms < engine->probe_due_ms)
        return;
    engine->is_probed = false;
    engine_close_socket(&engine->probe, WS_CLOSE_NORMAL, STR("upgrade timeout"));
}

static void on_timer(struct timer *timer) {
    struct engine *engine = CONTAINER_OF(timer, struct engine, timer);
    uint64_t now_ms = loop_now_ms(engine->server->loop);
    if (is_overdue(engine, now_ms)) {
        engine_end(engine, ENGINEIO_CLOSE);
        return;
    }
    if (engine->state == ENGINE_OPEN && !engine->awaits_pong && now_ms >= engine->ping_due_ms)
        ping(engine);
    end_probe_if_due(engine, now_ms);
    engine_arm_timer(engine);
}

void engine_arm_timer(struct engine *engine) {
    if (engine->state == ENGINE_CLOSED) /* the ping may have ended it */
        return;
    uint64_t now_ms = loop_now_ms(engine->server->loop);
    uint64_t due_ms = engine->ping_due_ms;
    if (engine->state == ENGINE_LAST_WORDS)
        due_ms = engine->close_due_ms;
    else if (engine->awaits_pong)
        due_ms += engine->server->options.ping_timeout_ms;
    if (engine->probe != NULL && engine->probe_due_ms < due_ms)
        due_ms = engine->probe_due_ms;
    timer_arm(engine->server->loop, &engine->timer, due_ms > now_ms ? due_ms - now_ms : 1);
}

/* The timer may be a tick late: who asks is told by the clock. */
struct engine *engine_find(struct engine_server *server, struct str sid) {
    struct engine *engine = strmap_get(&server->by_sid, sid);
    if (engine == NULL || !is_overdue(engine, loop_now_ms(server->loop)))
        return engine;
    engine_end(engine, ENGINEIO_CLOSE);
    return NULL;
}

static void take_pong(struct engine *engine) {
    if (!engine->awaits_pong)
        return;
    engine->awaits_pong = false;
    engine->ping_due_ms =
        loop_now_ms(engine->server->loop) + engine->server->options.ping_interval_ms;
    engine_arm_timer(engine);
}

/* ---- what comes and goes ---- */

bool engine_take_packet(struct engine *engine, const struct engineio_packet *packet) {
    if (engine->state != ENGINE_OPEN)
        return engine->state == ENGINE_LAST_WORDS; /* it does not know yet */
    switch (packet->type) {
    case ENGINEIO_MESSAGE:
        engine->server->ops->on_message(engine, !packet->is_binary, packet->data);
        return true;
    case ENGINEIO_PONG:
        take_pong(engine);
        return true;
    case ENGINEIO_CLOSE:
        engine_end(engine, ENGINEIO_NOOP);
        return true;
    case ENGINEIO_OPEN:
    case ENGINEIO_PING:
    case ENGINEIO_UPGRADE:
    case ENGINEIO_NOOP:
        break; /* the server's to say, or part of an upgrade */
    }
    engine_end(engine, ENGINEIO_CLOSE);
    return false;
}

void engine_send_frame(struct engine *engine, struct blob *frame) {
    if (engine->state != ENGINE_OPEN)
        return;
    if (engine_queued_bytes(engine) > 2 * engine->server->options.queue_bytes) {
        engine_drop_unsent(engine);
        engine_end(engine, ENGINEIO_CLOSE);
        return;
    }
    if (engine->socket != NULL) {
        conn_send(engine->socket, frame, 0, frame->len);
        return;
    }
    if (engine->queue_count == engine->queue_cap) {
        engine->queue_cap = engine->queue_cap == 0 ? QUEUE_MIN : engine->queue_cap * 2;
        engine->queue = mem_realloc(engine->queue, engine->queue_cap * sizeof(struct blob *));
    }
    engine->queue[engine->queue_count++] = blob_ref(frame);
    engine->queued_bytes += frame->len;
    if (engine->poll != NULL)
        engine_touch(engine);
}

void engine_send_text(struct engine *engine, struct str text) {
    struct blob *frame = engineio_frame(ENGINEIO_MESSAGE, text);
    engine_send_frame(engine, frame);
    blob_unref(frame);
}

void engine_send_binary(struct engine *engine, struct str data) {
    struct blob *frame = engineio_frame_binary(data);
    engine_send_frame(engine, frame);
    blob_unref(frame);
}

size_t engine_queued_bytes(const struct engine *engine) {
    size_t at_socket = engine->socket != NULL ? conn_queued_bytes(engine->socket) : 0;
    return engine->queued_bytes + (size_t)engine->queue_count * FRAME_COST_BYTES + at_socket;
}

void engine_drop_unsent(struct engine *engine) {
    if (engine->socket != NULL)
        conn_drop_unsent(engine->socket);
    for (uint32_t i = 0; i < engine->queue_count; i++)
        blob_unref(engine->queue[i]);
    mem_free(engine->queue);
    engine->queue = NULL;
    engine->queue_count = engine->queue_cap = 0;
    engine->queued_bytes = 0;
}

/* ---- what it is ---- */

void engine_append_handshake(const struct engine *engine, bool can_upgrade, struct buf *json) {
    const struct engineio_options *options = &engine->server->options;
    engineio_append_handshake(
        json, &(struct engineio_handshake){.sid = str_make(engine->sid, ENGINE_SID_CHARS),
                                           .can_upgrade = can_upgrade,
                                           .ping_interval_ms = options->ping_interval_ms,
                                           .ping_timeout_ms = options->ping_timeout_ms,
                                           .max_payload_bytes = options->max_payload_bytes});
}

void *engine_user(const struct engine *engine) {
    return engine->user;
}

void engine_set_user(struct engine *engine, void *user) {
    engine->user = user;
}

struct engine_server *engine_server_of(const struct engine *engine) {
    return engine->server;
}

struct loop *engine_loop(const struct engine *engine) {
    return engine->server->loop;
}

const uint8_t *engine_peer(const struct engine *engine) {
    return engine->peer;
}

void engine_set_known(struct engine *engine) {
    engine->is_known = true;
    if (engine->socket != NULL)
        conn_set_known(engine->socket);
    if (engine->probe != NULL)
        conn_set_known(engine->probe);
}

bool engine_is_open(const struct engine *engine) {
    return engine->state == ENGINE_OPEN;
}

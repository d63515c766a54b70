/* Clients and their namespaces over an engine that only notes what it is given: the functions of
 * engine.h are this file's. */
#include "base/mem.h"
#include "loop/loop.h"
#include "realtime/socketio_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PAYLOAD_MAX_BYTES = 100 };

/* ---- the engine ---- */

struct engine {
    void *user;
};
struct engine_server {
    const struct engineio_ops *ops;
    void *user;
};

static struct loop *the_loop;
static struct engine the_engine;
static struct engine_server engines;
static struct buf sent; /* texts, each ended by a line end; binary as b:… */
static bool is_closed, wants_call;

struct engine_server *engine_server_create(struct loop *loop, struct net *net,
                                           const struct engineio_options *options,
                                           const struct engineio_ops *ops,
                                           struct engine_group *group) {
    (void)loop;
    (void)net;
    (void)options;
    (void)group;
    engines.ops = ops;
    return &engines;
}
void engine_server_destroy(struct engine_server *take_server) {
    (void)take_server;
}
void *engine_server_user(const struct engine_server *server) {
    return server->user;
}
void engine_server_set_user(struct engine_server *server, void *user) {
    server->user = user;
}
void engine_answer(struct engine_server *server, struct conn *conn,
                   struct http_request *take_request) {
    (void)server;
    (void)conn;
    (void)take_request;
}
void *engine_user(const struct engine *engine) {
    return engine->user;
}
void engine_set_user(struct engine *engine, void *user) {
    engine->user = user;
}
struct engine_server *engine_server_of(const struct engine *engine) {
    (void)engine;
    return &engines;
}
struct loop *engine_loop(const struct engine *engine) {
    (void)engine;
    return the_loop;
}
void engine_set_known(struct engine *engine) {
    (void)engine;
}

const uint8_t *engine_peer(const struct engine *engine) {
    static const uint8_t address[16];
    (void)engine;
    return address;
}
void engine_send_text(struct engine *engine, struct str text) {
    (void)engine;
    buf_append_str(&sent, text);
    buf_append_char(&sent, '\n');
}
void engine_send_binary(struct engine *engine, struct str data) {
    (void)engine;
    buf_appendf(&sent, "b:%.*s\n", STR_ARG(data));
}
void engine_send_frame(struct engine *engine, struct blob *frame) {
    (void)engine;
    (void)frame;
}
size_t engine_queued_bytes(const struct engine *engine) {
    (void)engine;
    return sent.len;
}
void engine_drop_unsent(struct engine *engine) {
    (void)engine;
}
void engine_call_later(struct engine *engine) {
    (void)engine;
    wants_call = true;
}
void engine_close(struct engine *engine, uint16_t code, struct str reason) {
    (void)engine;
    (void)code;
    (void)reason;
    is_closed = true;
}

/* ---- the layer above: notes, and joins at once but for "/later" ---- */

static struct buf heard;
static struct socketio_socket *last;

static void on_connect(struct socketio_socket *socket, json_t *auth) {
    char *json = auth != NULL ? json_dumps(auth, JSON_COMPACT) : NULL;
    buf_appendf(&heard, "connect %.*s %s\n", STR_ARG(socketio_namespace(socket)),
                json != NULL ? json : "-");
    free(json);
    last = socket;
    if (!str_equal(socketio_namespace(socket), STR("/later")))
        socketio_accept(socket, STR("p"));
}
/* Gives every event back as it came, and acknowledges it. */
static void on_event(struct socketio_socket *socket, const struct socketio_args *args,
                     int64_t ack) {
    if (args->json == NULL) {
        socketio_acknowledge(socket, ack, STR("[\"unreadable\"]"), NULL, 0);
        return;
    }
    char *json = json_dumps(args->json, JSON_COMPACT);
    socketio_emit(socket, str_from_cstr(json), args->binary, args->binary_count);
    socketio_acknowledge(socket, ack, str_from_cstr(json), args->binary, args->binary_count);
    free(json);
}
static void on_disconnect(struct socketio_socket *socket) {
    buf_appendf(&heard, "disconnect %.*s\n", STR_ARG(socketio_namespace(socket)));
}
static void on_close(struct socketio_client *client) {
    (void)client;
    buf_append_cstr(&heard, "close\n");
}

static const struct socketio_ops ops = {.on_connect = on_connect,
                                        .on_event = on_event,
                                        .on_disconnect = on_disconnect,
                                        .on_close = on_close};

/* ---- the world ---- */

static struct engine_group group;
static struct socketio_server *server;
static bool is_over;

static int open_client(void **state) {
    (void)state;
    struct socketio_options options = {.engine = {.max_payload_bytes = PAYLOAD_MAX_BYTES},
                                       .namespaces = STR("/admin,/later"),
                                       .connect_timeout_ms = 60000};
    is_closed = wants_call = is_over = false;
    the_loop = loop_create(0, NULL);
    server = socketio_server_create(the_loop, NULL, &options, &ops, &group);
    engines.ops->on_open(&the_engine, NULL, NULL);
    return 0;
}

static void end_engine(void) {
    if (!is_over)
        engines.ops->on_close(&the_engine);
    is_over = true;
}

static int close_client(void **state) {
    (void)state;
    end_engine();
    socketio_server_destroy(server);
    loop_destroy(the_loop);
    buf_finish(&sent);
    buf_finish(&heard);
    return 0;
}

static void say(const char *text) {
    engines.ops->on_message(&the_engine, true, str_from_cstr(text));
}
static void say_binary(const char *data) {
    engines.ops->on_message(&the_engine, false, str_from_cstr(data));
}
static void turn(void) {
    if (wants_call)
        engines.ops->on_later(&the_engine);
    wants_call = false;
}

static void assert_buf(struct buf *buf, const char *expected) {
    assert_string_equal(buf_cstr(buf), expected);
    buf_clear(buf);
}
#define ASSERT_SENT(expected) assert_buf(&sent, expected)
#define ASSERT_HEARD(expected) assert_buf(&heard, expected)

/* Without what the sid is, which is random. */
static void join(const char *nsp) {
    struct buf text = BUF_INIT;
    buf_appendf(&text, "0%s", nsp);
    say(buf_cstr(&text));
    buf_finish(&text);
    assert_non_null(strstr(buf_cstr(&sent), ",\"pid\":\"p\"}\n"));
    buf_clear(&sent);
    buf_clear(&heard);
}

/* ---- tests ---- */

static void a_namespace_is_joined_with_its_payload_and_left_once(void **state) {
    (void)state;
    say("0/admin,{\"token\":\"x\"}");
    ASSERT_HEARD("connect /admin {\"token\":\"x\"}\n");
    assert_memory_equal(buf_cstr(&sent), "0/admin,{\"sid\":\"", 16);
    buf_clear(&sent);
    say("1/admin,");
    ASSERT_HEARD(""); /* never from within */
    turn();
    ASSERT_HEARD("disconnect /admin\n");
    say("2/admin,[\"late\"]"); /* was under way: no error */
    ASSERT_SENT("");
    assert_false(is_closed);
    end_engine();
    ASSERT_HEARD("close\n");
}

static void an_unknown_namespace_is_refused_and_hurts_no_other(void **state) {
    (void)state;
    join("");
    say("0/nowhere,");
    ASSERT_SENT("4/nowhere,{\"message\":\"Invalid namespace\"}\n");
    say("2[\"hey\"]");
    ASSERT_SENT("2[\"hey\"]\n");
    assert_false(is_closed);
}

static void a_join_may_be_answered_later_or_never(void **state) {
    (void)state;
    say("0/later,");
    struct socketio_socket *socket = last;
    say("0/later,"); /* asked twice */
    ASSERT_HEARD("connect /later -\n");
    ASSERT_SENT("");
    socketio_refuse(socket, STR("No \"entry\""), STR("{\"code\":7}"));
    ASSERT_SENT("4/later,{\"message\":\"No \\\"entry\\\"\",\"data\":{\"code\":7}}\n");
    socketio_accept(socket, STR_EMPTY); /* too late */
    ASSERT_SENT("");
    say("0/later,");
    socketio_hold(last);
    buf_clear(&heard);
    end_engine();
    ASSERT_HEARD("disconnect /later\nclose\n");
    assert_false(socketio_is_there(last));
    assert_null(socketio_client_of(last));
    socketio_release(last);
}

static void note_wake(struct socketio_wait *wait) {
    buf_appendf(&heard, "wake, %s\n", socketio_is_there(wait->socket) ? "there" : "gone");
}

static void a_wait_ends_once_by_its_time_or_with_its_socket(void **state) {
    struct socketio_wait wait = {.wake = note_wake};
    (void)state;
    say("0/later,");
    buf_clear(&heard);
    socketio_wait(last, &wait, 1);
    while (timer_is_armed(&wait.timer))
        (void)uv_run(&the_loop->uv, UV_RUN_ONCE);
    ASSERT_HEARD("wake, there\n");
    socketio_wait(last, &wait, 60000);
    say("1/later,");
    ASSERT_HEARD(""); /* never from within */
    turn();
    ASSERT_HEARD("wake, gone\ndisconnect /later\n");
    assert_false(timer_is_armed(&wait.timer));
    say("0/later,");
    buf_clear(&heard);
    socketio_wait(last, &wait, 60000);
    end_engine();
    ASSERT_HEARD("wake, gone\ndisconnect /later\nclose\n");
    assert_false(timer_is_armed(&wait.timer));
}

static void events_and_acknowledgements_carry_attachments_both_ways(void **state) {
    (void)state;
    join("/admin");
    say("52-/admin,9[\"hey\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]");
    say_binary("one");
    ASSERT_SENT("");
    say_binary("");
    ASSERT_SENT(
        "52-/admin,[\"hey\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]\n"
        "b:one\nb:\n"
        "62-/admin,9[\"hey\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]\n"
        "b:one\nb:\n");
}

static void an_event_that_cannot_be_read_hurts_nobody(void **state) {
    (void)state;
    join("");
    join("/admin");
    say("2/admin,9[\"hey\",1e999]");
    ASSERT_SENT("3/admin,9[\"unreadable\"]\n");
    say("2[\"hey\",1e999]"); /* nobody waits for an answer */
    ASSERT_SENT("");
    say("51-8[\"hey\",1e999]"); /* its attachment still comes */
    ASSERT_SENT("");
    say_binary("one");
    ASSERT_SENT("38[\"unreadable\"]\n");
    say("2/admin,[\"hey\"]");
    say("2[\"hey\"]");
    ASSERT_SENT("2/admin,[\"hey\"]\n2[\"hey\"]\n");
    assert_false(is_closed);
}

static void note_ack(void *arg, const struct socketio_args *args) {
    char *json = args != NULL ? json_dumps(args->json, JSON_COMPACT) : NULL;
    buf_appendf(&heard, "ack %s %s\n", (const char *)arg, json != NULL ? json : "none");
    free(json);
}

static void the_client_acknowledges_what_it_is_asked(void **state) {
    static char first[] = "first", second[] = "second";
    (void)state;
    join("");
    assert_true(socketio_emit_asking(last, STR("[\"question\"]"), note_ack, first));
    assert_true(socketio_emit_asking(last, STR("[\"question\"]"), note_ack, second));
    ASSERT_SENT("20[\"question\"]\n21[\"question\"]\n");
    say("31[\"two\"]");
    say("31[\"twice\"]");   /* nobody waits for it any more */
    say("3999[\"other\"]"); /* nobody asked */
    ASSERT_HEARD("ack second [\"two\"]\n");
    assert_false(is_closed);
    end_engine();
    ASSERT_HEARD("ack first none\ndisconnect /\nclose\n");
}

static void acknowledgements_awaited_are_bounded(void **state) {
    static char none[] = "";
    (void)state;
    join("");
    for (int i = 0; i < SOCKETIO_ACKS_MAX; i++)
        assert_true(socketio_emit_asking(last, STR("[\"q\"]"), note_ack, none));
    assert_false(socketio_emit_asking(last, STR("[\"q\"]"), note_ack, none));
    say("30[]");
    assert_true(socketio_emit_asking(last, STR("[\"q\"]"), note_ack, none));
}

static void what_breaks_the_protocol_closes_the_connection(void **state) {
    static const char *const texts[] = {
        "nonsense",       "2/admin,[\"not joined\"]", "1/later,",       "4{\"message\":\"x\"}",
        "2[\"connect\"]", "2/admin,[1e999]",          "2[\"hey\",1e999"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        join("");
        say(texts[i]);
        assert_true(is_closed);
        close_client(state);
        open_client(state);
    }
    join("");
    say_binary("nobody asked");
    assert_true(is_closed);
}

static void a_text_between_attachments_closes_the_connection(void **state) {
    (void)state;
    join("");
    say("52-[\"hey\",{\"_placeholder\":true,\"num\":1}]");
    say_binary("one");
    say("2[\"between\"]");
    assert_true(is_closed);
    ASSERT_SENT("");
}

static void attachments_together_are_bounded(void **state) {
    char data[PAYLOAD_MAX_BYTES + 1] = {0};
    (void)state;
    join("");
    memset(data, 'x', PAYLOAD_MAX_BYTES);
    say("51-[\"hey\"]");
    say_binary(data);
    assert_false(is_closed);
    say("52-[\"hey\"]");
    say_binary("x");
    say_binary(data);
    assert_true(is_closed);
}

static void namespaces_of_the_setting_are_checked(void **state) {
    (void)state;
    assert_true(socketio_namespaces_are_valid(STR("")));
    assert_true(socketio_namespaces_are_valid(STR("/a, /b-c_d./e")));
    assert_false(socketio_namespaces_are_valid(STR("a")));
    assert_false(socketio_namespaces_are_valid(STR("/")));
    assert_false(socketio_namespaces_are_valid(STR("/a,,/b")));
    assert_false(socketio_namespaces_are_valid(STR("/a\"b")));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)
    const struct CMUnitTest tests[] = {
        CASE(a_namespace_is_joined_with_its_payload_and_left_once),
        CASE(an_unknown_namespace_is_refused_and_hurts_no_other),
        CASE(a_join_may_be_answered_later_or_never),
        CASE(a_wait_ends_once_by_its_time_or_with_its_socket),
        CASE(events_and_acknowledgements_carry_attachments_both_ways),
        CASE(an_event_that_cannot_be_read_hurts_nobody),
        CASE(the_client_acknowledges_what_it_is_asked),
        CASE(acknowledgements_awaited_are_bounded),
        CASE(what_breaks_the_protocol_closes_the_connection),
        CASE(a_text_between_attachments_closes_the_connection),
        CASE(attachments_together_are_bounded),
        cmocka_unit_test(namespaces_of_the_setting_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

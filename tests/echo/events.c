/* /events: Server-Sent Events (HTML, section 9.2). What is posted is emitted to every stream with
 * the next id; the newest are kept for those who come back with Last-Event-ID. */
#include "echo.h"

#include "base/list.h"
#include "base/mem.h"
#include "net/http_response.h"

enum {
    EVENTS_KEPT_MAX = 1000,
    EVENTS_KEPT_MAX_BYTES = 4 * 1024 * 1024,
    EVENT_MAX_BYTES = 256 * 1024,
    STREAM_QUEUE_MAX_BYTES = EVENTS_KEPT_MAX_BYTES + 1024 * 1024,
    HEARTBEAT_MS = 15000,
};

struct event {
    struct list link;
    int64_t id;
    struct blob *text; /* "id: …\ndata: …\n\n" */
};

struct stream {
    struct list link;
    struct conn *conn;
};

struct echo_events {
    struct loop *loop;
    struct timer heartbeat;
    struct list streams;
    struct list kept; /* oldest first */
    size_t kept_count, kept_bytes;
    int64_t last_id;
};

static void on_heartbeat(struct timer *timer);

struct echo_events *echo_events_create(struct loop *loop) {
    struct echo_events *events = mem_zalloc(1, sizeof *events);
    events->loop = loop;
    list_init(&events->streams);
    list_init(&events->kept);
    timer_init(&events->heartbeat, on_heartbeat);
    timer_arm(loop, &events->heartbeat, HEARTBEAT_MS);
    return events;
}

static void drop_oldest(struct echo_events *events) {
    struct event *event = CONTAINER_OF(list_pop_front(&events->kept), struct event, link);
    events->kept_count--;
    events->kept_bytes -= event->text->len;
    blob_unref(event->text);
    mem_free(event);
}

void echo_events_destroy(struct echo_events *take_events) {
    CHECK(list_is_empty(&take_events->streams));
    timer_disarm(&take_events->heartbeat);
    while (take_events->kept_count > 0)
        drop_oldest(take_events);
    mem_free(take_events);
}

/* ---- streams ---- */

/* Who does not read is cut, and comes again with Last-Event-ID. */
static void send_to(struct stream *stream, struct blob *text) {
    if (conn_queued_bytes(stream->conn) + text->len > STREAM_QUEUE_MAX_BYTES)
        conn_abort(stream->conn);
    else
        conn_send(stream->conn, text, 0, text->len);
}

static void send_to_all(struct echo_events *events, struct blob *text) {
    LIST_EACH(&events->streams, link) {
        send_to(CONTAINER_OF(link, struct stream, link), text);
    }
}

/* A comment: proxies and the kernel see that the line lives. */
static void on_heartbeat(struct timer *timer) {
    struct echo_events *events = CONTAINER_OF(timer, struct echo_events, heartbeat);
    struct blob *text = blob_from_bytes(":\n\n", 3);
    send_to_all(events, text);
    blob_unref(text);
    timer_arm(events->loop, timer, HEARTBEAT_MS);
}

static void on_close(struct conn *conn) {
    struct stream *stream = conn_user(conn);
    list_remove(&stream->link);
    mem_free(stream);
}

static const struct conn_ops stream_ops = {.on_close = on_close};

static void open_stream(struct echo_events *events, struct conn *conn,
                        const struct http_request *request) {
    int64_t after = 0;
    bool resumes = str_to_i64(http_request_header(request, "Last-Event-ID"), &after);
    struct stream *stream = mem_zalloc(1, sizeof *stream);
    stream->conn = conn;
    list_push_back(&events->streams, &stream->link);
    conn_begin_stream(conn,
                      STR("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                          "Cache-Control: no-store, no-transform\r\n" ECHO_CORS_HEADERS
                          "Connection: close\r\n\r\nretry: 500\n\n"),
                      &stream_ops, stream);
    LIST_EACH(&events->kept, link) {
        struct event *event = CONTAINER_OF(link, struct event, link);
        if (resumes && event->id > after)
            send_to(stream, event->text);
    }
}

/* ---- events ---- */

/* Each line of the text is a data line of its own; a line ends by CRLF, LF or CR. */
static void append_data(struct buf *out, struct str text) {
    size_t from = 0;
    for (size_t at = 0; at <= text.len; at++) {
        if (at < text.len && text.ptr[at] != '\n' && text.ptr[at] != '\r')
            continue;
        buf_append_cstr(out, "data: ");
        buf_append_str(out, str_slice(text, from, at));
        buf_append_char(out, '\n');
        if (at + 1 < text.len && text.ptr[at] == '\r' && text.ptr[at + 1] == '\n')
            at++;
        from = at + 1;
    }
}

static struct event *make_event(struct echo_events *events, struct str text) {
    struct buf out = BUF_INIT;
    struct event *event = mem_zalloc(1, sizeof *event);
    event->id = ++events->last_id;
    buf_appendf(&out, "id: %lld\n", (long long)event->id);
    append_data(&out, text);
    buf_append_char(&out, '\n');
    event->text = blob_from_bytes(out.data, out.len);
    buf_finish(&out);
    return event;
}

static void emit(struct echo_events *events, struct conn *conn,
                 const struct http_request *request) {
    char id[32];
    if (request->body.len > EVENT_MAX_BYTES) {
        echo_respond_text(conn, request, 413, STR("An event takes 256 KiB.\n"));
        return;
    }
    struct event *event = make_event(events, request->body);
    list_push_back(&events->kept, &event->link);
    events->kept_count++;
    events->kept_bytes += event->text->len;
    send_to_all(events, event->text);
    int length = snprintf(id, sizeof id, "%lld\n", (long long)event->id);
    while (events->kept_count > EVENTS_KEPT_MAX || events->kept_bytes > EVENTS_KEPT_MAX_BYTES)
        drop_oldest(events);
    echo_respond_text(conn, request, 200, str_make(id, (size_t)length));
}

void echo_events_answer(struct conn *conn, const struct http_request *request) {
    struct echo_events *events = echo_of(conn)->events;
    if (request->method == METHOD_GET)
        open_stream(events, conn, request);
    else if (request->method == METHOD_POST)
        emit(events, conn, request);
    else
        echo_respond_method(conn, request, "GET, POST, OPTIONS");
}

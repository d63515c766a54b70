/* Server-Sent Events' way in: GET /api/v1/events is session.start, answered by a stream. Signed in
 * by cookie, bearer or ticket; from Last-Event-ID, ?cursor= or the head; ?room= (again and again,
 * or with commas) cuts it down to rooms. */
#include "api/api.h"
#include "api/dispatch.h"
#include "api/http_api.h"
#include "api/http_reply.h"
#include "api/session_api.h"
#include "auth/ticket.h"
#include "base/clock.h"
#include "realtime/transport_sse.h"

enum { STREAM_ROOMS_MAX = 100, STREAM_CURSOR_MAX_BYTES = 128, STREAM_NAME_MAX_BYTES = 32 };

/* ---- what is asked for ---- */

/* What the query says, each at most once, but for the rooms; ptr NULL: nothing. */
struct stream_query {
    struct str cursor, last_event_id, ticket;
};

static enum err refuse(struct request *request, struct str field, const char *why) {
    request->error.field = field;
    request->error.detail = str_from_cstr(why);
    return ERR_INVALID_FIELD;
}

/* One or several with commas between. None at all is refused: it would be read as all of them. */
static enum err take_rooms(struct request *request, struct str name, struct str value) {
    struct uuid_list *rooms = &((struct session_start_params *)request->params)->rooms;
    struct str one;
    bool more;
    do {
        more = str_cut(value, ',', &one, &value);
        if (rooms->count == STREAM_ROOMS_MAX || !uuid_parse(one, &rooms->items[rooms->count]))
            return refuse(request, name, "1 to 100 ids, with commas between");
        rooms->count++;
    } while (more);
    return ERR_OK;
}

/* Two cursors are two places to go on from. One ticket: an address that held many would be many
 * guesses for the price of one. */
static enum err take_once(struct request *request, struct str name, struct str value,
                          struct str *out) {
    if (out->ptr != NULL)
        return refuse(request, name, "given once");
    *out = value;
    return ERR_OK;
}

/* A filter that is misspelt would be a stream of everything, so what is not known is refused. The
 * name goes back only where it can be shown. */
static enum err refuse_unknown(struct request *request, struct str name) {
    bool is_short = name.len > 0 && name.len <= STREAM_NAME_MAX_BYTES;
    for (size_t i = 0; i < name.len && is_short; i++)
        is_short = name.ptr[i] > ' ' && name.ptr[i] < 0x7f;
    return refuse(request, is_short ? name : STR("query"),
                  "no parameter of this address, which takes room, rooms, cursor, lastEventId and "
                  "ticket");
}

/* `lastEventId` is the Last-Event-ID of EventSource polyfills (Yaffle's appends it by itself when
 * it connects again); `_` is what makes an address new to a cache, and says nothing. */
static enum err take_pair(struct request *request, struct str name, struct str value,
                          struct stream_query *query) {
    if (str_equal(name, STR("room")) || str_equal(name, STR("rooms")))
        return take_rooms(request, name, value);
    if (str_equal(name, STR("ticket")))
        return take_once(request, name, value, &query->ticket);
    if (str_equal(name, STR("cursor")))
        return take_once(request, name, value, &query->cursor);
    if (str_equal(name, STR("lastEventId")))
        return take_once(request, name, value, &query->last_event_id);
    return str_equal(name, STR("_")) ? ERR_OK : refuse_unknown(request, name);
}

static enum err read_query(struct request *request, struct str text, struct stream_query *query) {
    while (text.len > 0) {
        struct str pair, key, rest, name, value;
        str_cut(text, '&', &pair, &text);
        str_cut(pair, '=', &key, &rest);
        if (!decode_percent(request->arena, key, true, &name) ||
            !decode_percent(request->arena, rest, true, &value))
            return ERR_INVALID_REQUEST;
        enum err err = pair.len > 0 ? take_pair(request, name, value, query) : ERR_OK;
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* Last-Event-ID is newer than the address, which an EventSource repeats unchanged; a polyfill's is
 * newer than ?cursor=. */
static enum err read_cursor(struct request *request, const struct http_request *http,
                            const struct stream_query *query) {
    struct session_start_params *params = request->params;
    struct str last_id = http_request_header(http, "Last-Event-ID");
    if (last_id.len == 0)
        last_id = query->last_event_id;
    if (last_id.len == 0)
        last_id = query->cursor;
    if (last_id.len > STREAM_CURSOR_MAX_BYTES)
        return refuse(request, STR("cursor"), "0 to 128 characters");
    params->cursor = arena_strdup(request->arena, last_id);
    return ERR_OK;
}

static enum err redeem(struct request *request, struct str ticket) {
    request->credential.session_row = ticket_redeem(ticket, clock_now_ms());
    return request->credential.session_row != 0 ? ERR_OK : dispatch_refuse_stranger(request);
}

static enum err read_stream_request(struct request *request, struct conn *conn,
                                    const struct http_request *http) {
    struct session_start_params *params;
    struct stream_query query = {0};
    struct str token;
    request->id = OPERATION_session_start;
    request->operation = &operation_table()[request->id];
    request->params = params = arena_zalloc(request->arena, request->operation->params_size);
    params->rooms.items =
        arena_zalloc_array(request->arena, STREAM_ROOMS_MAX, sizeof *params->rooms.items);
    enum err err = read_query(request, http->query, &query);
    if (err == ERR_OK)
        err = read_cursor(request, http, &query);
    if (err != ERR_OK)
        return err;
    if (query.ticket.ptr != NULL)
        return redeem(request, query.ticket);
    err = http_api_credential(conn, http, false, &token);
    request->credential.token = arena_strdup(request->arena, token);
    return err;
}

/* ---- the stream ---- */

static void open_stream(struct conn *conn, const struct request *request) {
    conn_set_known(conn);
    CHECK(conn_set_peer(conn, request->address)); /* who is known has no share */
    struct session *session = transport_sse_open(conn, conn_loop(conn)->hub, request->headers);
    if (session_api_sign_in(session, request))
        session_api_start(session, request);
}

static void finish_stream(struct request *take_request) {
    struct request *request = take_request;
    struct conn *conn = request->way;
    if (conn_is_closing(conn)) {
        /* nobody to answer */
    } else if (request->outcome != ERR_OK) {
        http_reply_request(conn, request);
    } else if (request->head_only) {
        transport_sse_answer_head(conn, request->headers);
    } else {
        open_stream(conn, request);
    }
    conn_release(conn);
    request_destroy(request);
}

void event_stream_answer(struct conn *conn, const struct http_request *http) {
    struct api *api = conn_loop(conn)->api;
    const struct str allow = STR("GET, HEAD, OPTIONS");
    if (http->method == METHOD_OPTIONS) {
        http_reply_options(conn, http, allow);
        return;
    }
    struct request *request = http_api_request(conn, http, finish_stream);
    request->allow = allow;
    if (http->method != METHOD_GET && http->method != METHOD_HEAD)
        request->outcome = ERR_METHOD_NOT_ALLOWED;
    else if (http_api_is_foreign(conn, http))
        request->outcome = ERR_BAD_ORIGIN;
    else if (atomic_load(&api->draining))
        request->outcome = ERR_DRAINING;
    else
        request->outcome = read_stream_request(request, conn, http);
    if (request->outcome != ERR_OK)
        finish_stream(request);
    else
        dispatch_request(request, WAY_SOCKET);
}

/* Server-Sent Events' way in: GET /api/v1/events is session.start, answered by a stream. Signed in
 * by cookie, bearer or ticket; from Last-Event-ID, ?cursor= or the head; ?room= (again and again)
 * cuts it down to rooms. */
#include "api/api.h"
#include "api/dispatch.h"
#include "api/http_api.h"
#include "api/http_reply.h"
#include "api/session_api.h"
#include "auth/ticket.h"
#include "base/clock.h"
#include "realtime/transport_sse.h"

enum { STREAM_ROOMS_MAX = 100, STREAM_CURSOR_MAX_BYTES = 128 };

/* ---- what is asked for ---- */

static enum err take_room(struct request *request, struct uuid_list *rooms, struct str value) {
    request->error.field = STR("room");
    if (rooms->count == STREAM_ROOMS_MAX || !uuid_parse(value, &rooms->items[rooms->count]))
        return ERR_INVALID_FIELD;
    rooms->count++;
    request->error.field = STR_EMPTY;
    return ERR_OK;
}

/* One ticket: an address that held many would be many guesses for the price of one. */
static enum err take_ticket(struct str *ticket, struct str value) {
    if (ticket->ptr != NULL)
        return ERR_INVALID_REQUEST;
    *ticket = value;
    return ERR_OK;
}

static enum err take_pair(struct request *request, struct str name, struct str value,
                          struct str *ticket) {
    struct session_start_params *params = request->params;
    if (str_equal(name, STR("room")))
        return take_room(request, &params->rooms, value);
    if (str_equal(name, STR("ticket")))
        return take_ticket(ticket, value);
    if (str_equal(name, STR("cursor")))
        params->cursor = value;
    return ERR_OK;
}

static enum err read_query(struct request *request, struct str query, struct str *ticket) {
    while (query.len > 0) {
        struct str pair, key, text, name, value;
        str_cut(query, '&', &pair, &query);
        str_cut(pair, '=', &key, &text);
        if (!decode_percent(request->arena, key, true, &name) ||
            !decode_percent(request->arena, text, true, &value))
            return ERR_INVALID_REQUEST;
        enum err err = take_pair(request, name, value, ticket);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* Last-Event-ID is newer than the address, which an EventSource repeats unchanged. */
static enum err read_cursor(struct request *request, const struct http_request *http) {
    struct session_start_params *params = request->params;
    struct str last_id = http_request_header(http, "Last-Event-ID");
    if (last_id.len > 0)
        params->cursor = arena_strdup(request->arena, last_id);
    if (params->cursor.len <= STREAM_CURSOR_MAX_BYTES)
        return ERR_OK;
    request->error.field = STR("cursor");
    return ERR_INVALID_FIELD;
}

static enum err redeem(struct request *request, struct str ticket) {
    request->credential.session_row = ticket_redeem(ticket, clock_now_ms());
    return request->credential.session_row != 0 ? ERR_OK : dispatch_refuse_stranger(request);
}

static enum err read_stream_request(struct request *request, struct conn *conn,
                                    const struct http_request *http) {
    struct session_start_params *params;
    struct str ticket = {0}, token;
    request->id = OPERATION_session_start;
    request->operation = &operation_table()[request->id];
    request->params = params = arena_zalloc(request->arena, request->operation->params_size);
    params->rooms.items =
        arena_zalloc_array(request->arena, STREAM_ROOMS_MAX, sizeof *params->rooms.items);
    enum err err = read_query(request, http->query, &ticket);
    if (err == ERR_OK)
        err = read_cursor(request, http);
    if (err != ERR_OK)
        return err;
    if (ticket.ptr != NULL)
        return redeem(request, ticket);
    err = http_api_credential(conn, http, false, &token);
    request->credential.token = arena_strdup(request->arena, token);
    return err;
}

/* ---- the stream ---- */

static void open_stream(struct conn *conn, const struct request *request) {
    conn_set_peer(conn, request->address);
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

/* Which handler answers, and POST /body. */
#include "echo.h"

#include "net/http_response.h"
#include "net/static_file.h"

void echo_respond_text(struct conn *conn, const struct http_request *request, int status,
                       struct str text) {
    http_respond(conn, &(struct http_response){.status = status,
                                               .content_type = STR("text/plain; charset=utf-8"),
                                               .headers = STR(ECHO_CORS_HEADERS),
                                               .body = text,
                                               .head_only = request->method == METHOD_HEAD});
}

void echo_respond_method(struct conn *conn, const struct http_request *request, const char *allow) {
    struct buf headers = BUF_INIT;
    bool is_asked = request->method == METHOD_OPTIONS;
    buf_appendf(&headers,
                ECHO_CORS_HEADERS "Allow: %s\r\nAccess-Control-Allow-Methods: %s\r\n"
                                  "Access-Control-Allow-Headers: *\r\n",
                allow, allow);
    http_respond(conn, &(struct http_response){
                           .status = is_asked ? 204 : 405,
                           .content_type = is_asked ? STR_EMPTY : STR("text/plain; charset=utf-8"),
                           .headers = buf_str(&headers),
                           .body = is_asked ? STR_EMPTY : STR("Not with this method.\n")});
    buf_finish(&headers);
}

static void answer_body(struct conn *conn, const struct http_request *request) {
    struct buf headers = BUF_INIT;
    if (request->method != METHOD_POST) {
        echo_respond_method(conn, request, "POST, OPTIONS");
        return;
    }
    struct blob *body = blob_from_bytes(request->body.ptr, request->body.len);
    buf_appendf(&headers, ECHO_CORS_HEADERS "X-Body-Length: %zu\r\n", request->body.len);
    http_respond(conn, &(struct http_response){.status = 200,
                                               .content_type = STR("application/octet-stream"),
                                               .headers = buf_str(&headers),
                                               .body_blob = body});
    blob_unref(body);
    buf_finish(&headers);
}

static void on_request(struct conn *conn, struct http_request *take_request) {
    struct str path = take_request->path;
    if (str_equal(path, STR("/engine.io/")) || str_equal(path, STR("/socket.io/"))) {
        echo_sockets_answer(conn, take_request);
        return;
    }
    if (str_equal(path, STR("/echo")))
        echo_websocket_answer(conn, take_request);
    else if (str_equal(path, STR("/events")))
        echo_events_answer(conn, take_request);
    else if (str_equal(path, STR("/body")))
        answer_body(conn, take_request);
    else if (str_equal(path, STR("/file")))
        static_files_respond(echo_of(conn)->files, conn, take_request);
    else
        echo_respond_text(
            conn, take_request, 404,
            STR("There are /echo, /engine.io/, /socket.io/, /events, /body and /file.\n"));
    http_request_destroy(take_request);
}

const struct conn_ops echo_http_ops = {.on_request = on_request};

/* /echo: every message comes back as it came. Who reads nothing is not read either: net stops at
 * queue_bytes. */
#include "echo.h"

#include "net/http_response.h"

static void on_message(struct conn *conn, bool is_text, struct str data) {
    conn_send_message(conn, is_text, data);
}

static const struct conn_ops websocket_ops = {.on_message = on_message, .subprotocol = "echo"};

void echo_websocket_answer(struct conn *conn, const struct http_request *request) {
    bool is_bad = false, is_wrong_version = false;
    if (http_request_wants_websocket(request, &is_bad, &is_wrong_version)) {
        conn_upgrade_websocket(conn, request, &websocket_ops, NULL);
        return;
    }
    bool is_malformed = is_bad && !is_wrong_version;
    http_respond(
        conn, &(struct http_response){
                  .status = is_malformed ? 400 : 426,
                  .content_type = STR("text/plain; charset=utf-8"),
                  .headers = STR(ECHO_CORS_HEADERS "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                                   "Sec-WebSocket-Version: 13\r\n"),
                  .body = STR("A WebSocket handshake of version 13 is wanted here.\n"),
                  .head_only = request->method == METHOD_HEAD});
}

#include "net/http_response.h"

#include "net/conn_state.h"
#include "net/http_condition.h"
#include <time.h>

/* RFC 9110 section 15. */
static const char *reason_of(int status) {
    static const struct {
        int status;
        const char *phrase;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].phrase;
    }
    return ""; /* the phrase means nothing (RFC 9112 section 4) */
}

static void append_date(struct buf *head) {
    char date[HTTP_DATE_BYTES];
    http_date_format((int64_t)time(NULL), date);
    buf_appendf(head, "Date: %s\r\n", date);
}

void http_append_transport_security(struct buf *head, const struct conn *conn) {
    if (conn->net->options.is_https)
        buf_append_cstr(head, "Strict-Transport-Security: max-age=31536000\r\n");
}

static size_t body_bytes_of(const struct http_response *response) {
    return response->body_blob != NULL ? response->body_blob->len : response->body.len;
}

static bool closes(const struct conn *conn, const struct http_response *response) {
    return response->close || response->is_endless || conn->close_after_answer ||
           conn->net->stopped;
}

void http_append_head(struct buf *head, const struct conn *conn,
                      const struct http_response *response) {
    buf_appendf(head, "HTTP/1.1 %d %s\r\n", response->status, reason_of(response->status));
    append_date(head);
    if (response->content_type.len > 0)
        buf_appendf(head, "Content-Type: %.*s\r\n", STR_ARG(response->content_type));
    if (response->status != 304 && response->status != 204 && !response->is_endless)
        buf_appendf(head, "Content-Length: %zu\r\n", body_bytes_of(response));
    buf_append_str(head, response->headers);
    if (str_find(response->headers, STR("Cache-Control:")) == STR_NOT_FOUND)
        buf_append_cstr(head, "Cache-Control: no-store\r\n");
    buf_append_cstr(head, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
    http_append_transport_security(head, conn);
    if (closes(conn, response))
        buf_append_cstr(head, "Connection: close\r\n");
    buf_append_cstr(head, "\r\n");
}

void http_respond(struct conn *conn, const struct http_response *response) {
    if (conn->state != CONN_ANSWERING)
        return;
    bool has_body = !response->head_only && response->status != 304 && response->status != 204;
    struct buf head = BUF_INIT;
    http_append_head(&head, conn, response);
    if (has_body && response->body_blob == NULL)
        buf_append_str(&head, response->body);
    struct blob *blob = blob_from_bytes(head.data, head.len);
    buf_finish(&head);
    conn_send(conn, blob, 0, blob->len);
    blob_unref(blob);
    if (has_body && response->body_blob != NULL)
        conn_send(conn, response->body_blob, 0, response->body_blob->len);
    conn_answered(conn, closes(conn, response));
}

#include "net/http_response.h"

#include "net/conn_state.h"
#include <time.h>

static const char *reason_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 206:
        return "Partial Content";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 413:
        return "Content Too Large";
    case 416:
        return "Range Not Satisfiable";
    case 429:
        return "Too Many Requests";
    case 503:
        return "Service Unavailable";
    default:
        return "Status"; /* the phrase means nothing (RFC 9112 section 4) */
    }
}

/* RFC 9110 section 5.6.7. */
static void append_date(struct buf *head) {
    char text[64];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    size_t length = strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    buf_append(head, text, length);
}

static void append_head(struct buf *head, const struct http_response *response, size_t body_bytes,
                        bool close) {
    buf_appendf(head, "HTTP/1.1 %d %s\r\n", response->status, reason_of(response->status));
    append_date(head);
    if (response->content_type.len > 0)
        buf_appendf(head, "Content-Type: %.*s\r\n", STR_ARG(response->content_type));
    if (response->status != 304)
        buf_appendf(head, "Content-Length: %zu\r\n", body_bytes);
    buf_append_str(head, response->headers);
    if (str_find(response->headers, STR("Cache-Control:")) == STR_NOT_FOUND)
        buf_append_cstr(head, "Cache-Control: no-store\r\n");
    buf_append_cstr(head, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
    if (close)
        buf_append_cstr(head, "Connection: close\r\n");
    buf_append_cstr(head, "\r\n");
}

void http_respond(struct conn *conn, const struct http_response *response) {
    if (conn->state != CONN_ANSWERING)
        return;
    bool close = response->close || conn->close_after_answer;
    size_t body_bytes = response->body_blob != NULL ? response->body_blob->len : response->body.len;
    bool has_body = !response->head_only && response->status != 304;
    struct buf head = BUF_INIT;
    append_head(&head, response, body_bytes, close);
    if (has_body && response->body_blob == NULL)
        buf_append_str(&head, response->body);
    struct blob *blob = blob_from_bytes(head.data, head.len);
    buf_finish(&head);
    conn_send(conn, blob, 0, blob->len);
    blob_unref(blob);
    if (has_body && response->body_blob != NULL)
        conn_send(conn, response->body_blob, 0, response->body_blob->len);
    conn_answered(conn, close);
}

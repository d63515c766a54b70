/* Sends people on to https: what http.redirect_listen serves, and what a proxy hands on that it got
 * by plain HTTP. */
#include "api/redirect.h"

#include "api/http_reply.h"
#include "base/metrics.h"
#include "net/http_response.h"

/* 308, as it lets no client turn a POST into a GET (RFC 9110 section 15.4.9), for GET it is a 301.
 */
void redirect_to_site(struct conn *conn, const struct site *site, const struct http_request *http) {
    struct buf headers = BUF_INIT;
    buf_appendf(&headers, "Location: %.*s%.*s", STR_ARG(site->public_url), STR_ARG(http->path));
    if (http->query.len > 0)
        buf_appendf(&headers, "?%.*s", STR_ARG(http->query));
    buf_append_cstr(&headers, "\r\n");
    http_respond(conn, &(struct http_response){.status = 308,
                                               .headers = buf_str(&headers),
                                               .head_only = http->method == METHOD_HEAD,
                                               .close = !http->keep_alive});
    buf_finish(&headers);
}

/* Nothing else is served here, for names that are ours; whoever asks by https asks elsewhere. */
static void on_request(struct conn *conn, struct http_request *take_request) {
    const struct api *api = conn_loop(conn)->api;
    metrics_add(METRIC_HTTP_REQUESTS, 1);
    if (!site_knows_name(&api->site, take_request->host) || take_request->scheme == SCHEME_HTTPS)
        http_reply_error(conn, take_request, ERR_UNKNOWN_HOST);
    else if (http_request_is_server_wide(take_request))
        http_reply_options(conn, take_request, HTTP_METHODS);
    else
        redirect_to_site(conn, &api->site, take_request);
    http_request_destroy(take_request);
}

const struct conn_ops api_redirect_ops = {.on_request = on_request};

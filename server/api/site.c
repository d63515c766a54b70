#include "api/site.h"

#include <ctype.h>
#include <stdio.h>

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

static struct str copy_lower(struct site *site, size_t *used, struct str text) {
    CHECK(*used + text.len <= sizeof site->text);
    char *at = site->text + *used;
    for (size_t i = 0; i < text.len; i++)
        at[i] = (char)tolower((unsigned char)text.ptr[i]);
    *used += text.len;
    return str_make(at, text.len);
}

static bool is_host_char(char c) {
    return isalnum((unsigned char)c) || c == '-' || c == '.' || c == ':' || c == '[' || c == ']';
}

/* scheme://host[:port] and nothing else; *host is what follows the scheme. */
static bool split_url(struct str url, bool *is_secure, struct str *host) {
    struct str https = STR("https://"), http = STR("http://");
    if (str_starts_with(url, https))
        *is_secure = true;
    else if (str_starts_with(url, http))
        *is_secure = false;
    else
        return false;
    *host = str_slice(url, *is_secure ? https.len : http.len, url.len);
    for (size_t i = 0; i < host->len; i++) {
        if (!is_host_char(host->ptr[i]))
            return false;
    }
    return host->len > 0 && host->len <= 255;
}

static void add_name(struct site *site, size_t *used, struct str host) {
    char origin[300];
    int length =
        snprintf(origin, sizeof origin, "http%s://%.*s", site->is_secure ? "s" : "", STR_ARG(host));
    site->names[site->count] = copy_lower(site, used, host);
    site->origins[site->count] = copy_lower(site, used, str_make(origin, (size_t)length));
    site->count++;
}

bool site_init(struct site *site, struct str public_url, uint16_t port, bool is_tls,
               struct buf *error) {
    static const char *const loopback[] = {"127.0.0.1", "localhost", "[::1]"};
    bool is_own_port = port == (is_tls ? PORT_HTTPS : PORT_HTTP);
    size_t used = 0;
    struct str host;
    *site = (struct site){.is_secure = is_tls};
    if (public_url.len > 0) {
        if (str_ends_with(public_url, STR("/")))
            public_url.len--;
        if (!split_url(public_url, &site->is_secure, &host)) {
            buf_appendf(error,
                        "public_url is \"%.*s\", but must be http(s)://HOST or http(s)://HOST:PORT",
                        STR_ARG(public_url));
            return false;
        }
        add_name(site, &used, host);
    } else {
        for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
            char name[32];
            int length =
                snprintf(name, sizeof name, is_own_port ? "%s" : "%s:%u", loopback[i], port);
            add_name(site, &used, str_make(name, (size_t)length));
        }
    }
    site->public_url = site->origins[0];
    return true;
}

static bool is_one_of(const struct str *items, unsigned count, struct str text) {
    for (unsigned i = 0; i < count; i++) {
        if (str_equal_nocase(items[i], text))
            return true;
    }
    return false;
}

bool site_knows_host(const struct site *site, struct str host) {
    return is_one_of(site->names, site->count, host);
}

/* "[::1]:8080" → "[::1]". */
static struct str without_port(struct str host) {
    size_t end = host.len;
    while (end > 0 && host.ptr[end - 1] >= '0' && host.ptr[end - 1] <= '9')
        end--;
    return end > 0 && host.ptr[end - 1] == ':' ? str_slice(host, 0, end - 1) : host;
}

bool site_knows_name(const struct site *site, struct str host) {
    for (unsigned i = 0; i < site->count; i++) {
        if (str_equal_nocase(without_port(site->names[i]), without_port(host)))
            return true;
    }
    return false;
}

bool site_knows_scheme(const struct site *site, enum http_scheme scheme) {
    return scheme == SCHEME_NONE || (scheme == SCHEME_HTTPS) == site->is_secure;
}

bool site_knows_origin(const struct site *site, struct str origin) {
    return is_one_of(site->origins, site->count, origin);
}

bool site_trusts_page(const struct site *site, const struct http_request *request) {
    struct str origin = http_request_header(request, "Origin");
    if (origin.ptr != NULL)
        return site_knows_origin(site, origin);
    return str_equal(http_request_header(request, "Sec-Fetch-Site"), STR("same-origin"));
}

bool site_is_foreign_page(const struct site *site, const struct http_request *request) {
    struct str origin = http_request_header(request, "Origin");
    struct str fetch_site = http_request_header(request, "Sec-Fetch-Site");
    if (origin.ptr != NULL)
        return !site_knows_origin(site, origin);
    return fetch_site.ptr != NULL && !str_equal(fetch_site, STR("same-origin"));
}

#include "net/http_target.h"

#include <arpa/inet.h>
#include <ctype.h>

enum { PORT_MAX = 65535 };

/* ---- an authority ---- */

/* Without its brackets. What RFC 3986 keeps for later versions ("v1.x") is nobody's address yet. */
static bool is_ipv6(struct str text) {
    char name[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.len >= sizeof name || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    return inet_pton(AF_INET6, name, &address) == 1;
}

/* unreserved, sub-delims and percent-encoded bytes: an IPv4 address is one too. */
static bool is_name(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '%') {
            if (text.len - i < 3 || !isxdigit((unsigned char)text.ptr[i + 1]) ||
                !isxdigit((unsigned char)text.ptr[i + 2]))
                return false;
        } else if (!isalnum(c) && str_find_char(STR("-._~!$&'()*+,;="), (char)c) == STR_NOT_FOUND) {
            return false;
        }
    }
    return text.len > 0;
}

/* What follows the host: nothing, or a colon and digits. */
static bool is_port(struct str text) {
    unsigned port = 0;
    if (text.len > 0 && text.ptr[0] != ':')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (!isdigit((unsigned char)text.ptr[i]))
            return false;
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
        if (port > PORT_MAX)
            return false;
    }
    return true;
}

bool http_target_is_authority(struct str text) {
    bool has_brackets = text.len > 0 && text.ptr[0] == '[';
    size_t end = str_find_char(text, has_brackets ? ']' : ':');
    if (has_brackets)
        return end != STR_NOT_FOUND && is_ipv6(str_slice(text, 1, end)) &&
               is_port(str_slice(text, end + 1, text.len));
    return is_name(str_slice(text, 0, end)) && is_port(str_slice(text, end, text.len));
}

/* ---- a target ---- */

/* Cuts "http://" or "https://" off. */
static enum http_scheme cut_scheme(struct str *text) {
    struct str http = STR("http://"), https = STR("https://");
    enum http_scheme scheme = SCHEME_NONE;
    if (str_equal_nocase(str_slice(*text, 0, http.len), http))
        scheme = SCHEME_HTTP;
    else if (str_equal_nocase(str_slice(*text, 0, https.len), https))
        scheme = SCHEME_HTTPS;
    if (scheme != SCHEME_NONE)
        *text = str_slice(*text, scheme == SCHEME_HTTP ? http.len : https.len, text->len);
    return scheme;
}

/* Cuts off what stands before the path, the query or the end. */
static struct str cut_authority(struct str *text) {
    size_t end = 0;
    while (end < text->len && text->ptr[end] != '/' && text->ptr[end] != '?')
        end++;
    struct str authority = str_slice(*text, 0, end);
    *text = str_slice(*text, end, text->len);
    return authority;
}

bool http_target_parse(struct str text, enum http_method method, struct http_target *out) {
    *out = (struct http_target){.scheme = cut_scheme(&text)};
    bool is_absolute = out->scheme != SCHEME_NONE;
    if (str_find_char(text, '#') != STR_NOT_FOUND)
        return false;
    if (is_absolute) {
        out->authority = cut_authority(&text);
        if (!http_target_is_authority(out->authority))
            return false;
        if (text.len == 0 && method == METHOD_OPTIONS)
            text = STR("*");
    }
    bool has_query = str_cut(text, '?', &out->path, &out->query);
    if (is_absolute && out->path.len == 0)
        out->path = STR("/");
    if (str_equal(out->path, STR("*")))
        return method == METHOD_OPTIONS && !has_query;
    return out->path.len > 0 && out->path.ptr[0] == '/';
}

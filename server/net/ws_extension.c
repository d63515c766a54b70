#include "net/ws_extension.h"

#include <stdio.h>

/* The longest value that means something has two digits; of longer ones the length alone is kept.
 */
enum { VALUE_BYTES = 2 };

struct param {
    struct str name;
    bool has_value;
    char value[VALUE_BYTES];
    size_t value_length; /* unquoted */
};

enum {
    SEEN_SERVER_NO_TAKEOVER = 1,
    SEEN_CLIENT_NO_TAKEOVER = 2,
    SEEN_SERVER_BITS = 4,
    SEEN_CLIENT_BITS = 8,
};

/* One element of the list. */
struct offer {
    bool is_deflate, is_bad;
    unsigned seen;
    uint8_t server_bits, client_bits; /* 0: without a value */
};

/* ---- the grammar ---- */

static void skip_space(struct str *rest) {
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        *rest = str_slice(*rest, 1, rest->len);
}

/* Takes `c` and the white space around it. */
static bool take(struct str *rest, char c) {
    skip_space(rest);
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = str_slice(*rest, 1, rest->len);
    skip_space(rest);
    return true;
}

/* RFC 2616 section 2.2. */
static bool is_token_char(char c) {
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static bool take_token(struct str *rest, struct str *token) {
    size_t length = 0;
    while (length < rest->len && is_token_char(rest->ptr[length]))
        length++;
    *token = str_slice(*rest, 0, length);
    *rest = str_slice(*rest, length, rest->len);
    return length > 0;
}

static void add_to_value(struct param *param, char c) {
    if (param->value_length < VALUE_BYTES)
        param->value[param->value_length] = c;
    param->value_length++;
}

/* A quoted string, whose content must be a token. */
static bool take_quoted(struct str *rest, struct param *param) {
    size_t at = 0;
    while (at < rest->len && rest->ptr[at] != '"') {
        if (rest->ptr[at] == '\\')
            at++;
        if (at == rest->len || !is_token_char(rest->ptr[at]))
            return false;
        add_to_value(param, rest->ptr[at++]);
    }
    bool is_closed = at < rest->len;
    *rest = str_slice(*rest, at + 1, rest->len);
    return is_closed && param->value_length > 0;
}

static bool take_param(struct str *rest, struct param *param) {
    struct str token;
    *param = (struct param){0};
    if (!take_token(rest, &param->name))
        return false;
    if (!take(rest, '='))
        return true;
    param->has_value = true;
    if (rest->len > 0 && rest->ptr[0] == '"') {
        *rest = str_slice(*rest, 1, rest->len);
        return take_quoted(rest, param);
    }
    if (!take_token(rest, &token))
        return false;
    for (size_t i = 0; i < token.len; i++)
        add_to_value(param, token.ptr[i]);
    return true;
}

/* ---- permessage-deflate ---- */

/* 8 to 15, decimal, without leading zeros; 0 for anything else. */
static uint8_t bits_of(const struct param *param) {
    int64_t bits = 0;
    struct str digits = str_make(param->value, param->value_length);
    if (param->value_length > VALUE_BYTES || !str_to_i64(digits, &bits))
        return 0;
    return bits >= WS_WINDOW_BITS_MIN && bits <= WS_WINDOW_BITS_MAX ? (uint8_t)bits : 0;
}

static unsigned which(struct str name) {
    if (str_equal(name, STR("server_no_context_takeover")))
        return SEEN_SERVER_NO_TAKEOVER;
    if (str_equal(name, STR("client_no_context_takeover")))
        return SEEN_CLIENT_NO_TAKEOVER;
    if (str_equal(name, STR("server_max_window_bits")))
        return SEEN_SERVER_BITS;
    return str_equal(name, STR("client_max_window_bits")) ? SEEN_CLIENT_BITS : 0;
}

static void apply_param(struct offer *offer, const struct param *param) {
    unsigned seen = which(param->name);
    uint8_t bits = param->has_value ? bits_of(param) : 0;
    if (seen == 0 || (offer->seen & seen) != 0)
        offer->is_bad = true;
    else if (seen == SEEN_SERVER_BITS)
        offer->is_bad = offer->is_bad || bits == 0;
    else if (seen == SEEN_CLIENT_BITS)
        offer->is_bad = offer->is_bad || (param->has_value && bits == 0);
    else
        offer->is_bad = offer->is_bad || param->has_value;
    if (seen == SEEN_SERVER_BITS)
        offer->server_bits = bits;
    if (seen == SEEN_CLIENT_BITS)
        offer->client_bits = bits;
    offer->seen |= seen;
}

static bool take_offer(struct str *rest, struct offer *offer) {
    struct str name;
    struct param param;
    *offer = (struct offer){0};
    if (!take_token(rest, &name))
        return false;
    offer->is_deflate = str_equal(name, STR("permessage-deflate"));
    while (take(rest, ';')) {
        if (!take_param(rest, &param))
            return false;
        apply_param(offer, &param);
    }
    return true;
}

static uint8_t lesser(uint8_t one, uint8_t other) {
    return one < other ? one : other;
}

static void accept_offer(const struct offer *offer, const struct ws_deflate_options *options,
                         struct ws_deflate_params *params) {
    bool has_server_bits = (offer->seen & SEEN_SERVER_BITS) != 0;
    bool has_client_bits = (offer->seen & SEEN_CLIENT_BITS) != 0;
    uint8_t server_bits =
        has_server_bits ? lesser(offer->server_bits, options->window_bits) : options->window_bits;
    if (params->is_on || !options->is_on || !offer->is_deflate || offer->is_bad ||
        server_bits < WS_DEFLATE_BITS_MIN)
        return;
    uint8_t client_limit = offer->client_bits != 0 ? offer->client_bits : WS_WINDOW_BITS_MAX;
    *params = (struct ws_deflate_params){
        .is_on = true,
        .server_takeover = options->server_takeover && (offer->seen & SEEN_SERVER_NO_TAKEOVER) == 0,
        .client_takeover = options->client_takeover && (offer->seen & SEEN_CLIENT_NO_TAKEOVER) == 0,
        .server_bits = server_bits & 0xfU,
        /* only a client that said that it can may be asked to take a smaller one (7.1.2.2) */
        .client_bits = has_client_bits ? lesser(client_limit, options->window_bits) & 0xfU
                                       : WS_WINDOW_BITS_MAX,
        .tells_server_bits = has_server_bits,
        .tells_client_bits = has_client_bits,
    };
}

bool ws_extension_negotiate(struct str offers, const struct ws_deflate_options *options,
                            struct ws_deflate_params *params) {
    struct offer offer;
    bool is_empty = true;
    for (;;) {
        while (take(&offers, ','))
            continue; /* elements of a list may be empty (RFC 2616 section 2.1) */
        skip_space(&offers);
        if (offers.len == 0)
            return !is_empty;
        if (!take_offer(&offers, &offer))
            return false;
        accept_offer(&offer, options, params);
        is_empty = false;
        skip_space(&offers);
        if (offers.len > 0 && offers.ptr[0] != ',')
            return false;
    }
}

static void append(char out[WS_EXTENSION_RESPONSE_BYTES], const char *name, unsigned bits) {
    size_t at = strlen(out), room = WS_EXTENSION_RESPONSE_BYTES - at;
    int length = bits == 0 ? snprintf(out + at, room, "; %s", name)
                           : snprintf(out + at, room, "; %s=%u", name, bits);
    CHECK(length > 0 && (size_t)length < room);
}

void ws_extension_response(const struct ws_deflate_params *params,
                           char out[WS_EXTENSION_RESPONSE_BYTES]) {
    out[0] = '\0';
    if (!params->is_on)
        return;
    snprintf(out, WS_EXTENSION_RESPONSE_BYTES, "permessage-deflate");
    if (!params->server_takeover)
        append(out, "server_no_context_takeover", 0);
    if (!params->client_takeover)
        append(out, "client_no_context_takeover", 0);
    if (params->tells_server_bits)
        append(out, "server_max_window_bits", params->server_bits);
    if (params->tells_client_bits)
        append(out, "client_max_window_bits", params->client_bits);
}

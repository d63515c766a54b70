#include "realtime/socketio.h"

#include "protocol/decode.h"

/* ---- placeholders ---- */

static bool is_placeholder(const json_t *value) {
    return json_is_true(json_object_get(value, "_placeholder"));
}

static bool names_attachment(const json_t *value, unsigned attachments) {
    const json_t *num = json_object_get(value, "num");
    return json_is_integer(num) && json_integer_value(num) >= 0 &&
           json_integer_value(num) < (json_int_t)attachments;
}

/* Depth is bounded by the parser (DECODE_FRAME_DEPTH_MAX). False when one names no attachment. */
static bool check_placeholders(const json_t *value, unsigned attachments, bool *found) {
    if (is_placeholder(value)) {
        *found = true;
        return names_attachment(value, attachments);
    }
    size_t i;
    json_t *member;
    const char *key;
    json_array_foreach(value, i, member) {
        if (!check_placeholders(member, attachments, found))
            return false;
    }
    /* the macro's cast wants a value that may change; it is only read */
    json_object_foreach((json_t *)(uintptr_t)value, key, member) {
        if (!check_placeholders(member, attachments, found))
            return false;
    }
    return true;
}

bool socketio_has_placeholder(const json_t *data) {
    bool found = false;
    (void)check_placeholders(data, UINT16_MAX, &found);
    return found;
}

/* ---- parsing ---- */

static bool is_binary(enum socketio_type type) {
    return type == SOCKETIO_BINARY_EVENT || type == SOCKETIO_BINARY_ACK;
}

static size_t count_digits(struct str text) {
    size_t count = 0;
    while (count < text.len && text.ptr[count] >= '0' && text.ptr[count] <= '9')
        count++;
    return count;
}

/* `2-` before everything else. */
static bool take_attachments(struct str *rest, unsigned *out) {
    int64_t value;
    size_t digits = count_digits(*rest);
    if (digits == rest->len || rest->ptr[digits] != '-' ||
        !str_to_i64(str_slice(*rest, 0, digits), &value) || value > SOCKETIO_ATTACHMENTS_MAX)
        return false;
    *out = (unsigned)value;
    *rest = str_slice(*rest, digits + 1, rest->len);
    return true;
}

/* `/admin,`; the comma may lack where nothing follows. */
static bool take_namespace(struct str *rest, struct str *out) {
    *out = STR("/");
    if (rest->len == 0 || rest->ptr[0] != '/')
        return true;
    str_cut(*rest, ',', out, rest);
    return out->len <= SOCKETIO_NAMESPACE_MAX_BYTES;
}

static bool take_id(struct str *rest, int64_t *out) {
    size_t digits = count_digits(*rest);
    *out = SOCKETIO_NO_ID;
    if (digits == 0)
        return true;
    bool is_one = digits <= SOCKETIO_ID_MAX_DIGITS && str_to_i64(str_slice(*rest, 0, digits), out);
    *rest = str_slice(*rest, digits, rest->len);
    return is_one;
}

/* Names that the libraries keep for themselves. */
static bool is_reserved(const char *name) {
    static const char *const names[] = {"connect",       "connect_error", "disconnect",
                                        "disconnecting", "newListener",   "removeListener"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool is_event(const json_t *data) {
    const json_t *name = json_array_get(data, 0);
    return json_is_integer(name) || (json_is_string(name) && !is_reserved(json_string_value(name)));
}

static bool has_form(const struct socketio_packet *packet) {
    bool found = false;
    switch (packet->type) {
    case SOCKETIO_CONNECT:
        return true; /* whether the payload is one is for the layer above to say */
    case SOCKETIO_DISCONNECT:
        return packet->data == NULL;
    case SOCKETIO_EVENT:
        return is_event(packet->data);
    case SOCKETIO_BINARY_EVENT:
        return is_event(packet->data) &&
               check_placeholders(packet->data, packet->attachments, &found);
    case SOCKETIO_ACK:
        return json_is_array(packet->data) && packet->id != SOCKETIO_NO_ID;
    case SOCKETIO_BINARY_ACK:
        return json_is_array(packet->data) && packet->id != SOCKETIO_NO_ID &&
               check_placeholders(packet->data, packet->attachments, &found);
    case SOCKETIO_CONNECT_ERROR:
        break;
    }
    return false;
}

/* A whole array that begins with a name or number, as clients write it: what is wrong with it is
 * the arguments' matter, and no reason to end the connection. */
static bool is_unreadable_event(const struct socketio_packet *packet, struct str data) {
    if ((packet->type != SOCKETIO_EVENT && packet->type != SOCKETIO_BINARY_EVENT) ||
        data.ptr[0] != '[' || !decode_json_is_whole(data))
        return false;
    char first = str_trim(str_slice(data, 1, data.len)).ptr[0];
    return first == '"' || first == '-' || (first >= '0' && first <= '9');
}

bool socketio_parse(struct str text, struct socketio_packet *out) {
    *out = (struct socketio_packet){.id = SOCKETIO_NO_ID};
    if (text.len == 0 || text.ptr[0] < '0' || text.ptr[0] > '0' + SOCKETIO_BINARY_ACK)
        return false;
    out->type = (enum socketio_type)(text.ptr[0] - '0');
    struct str rest = str_slice(text, 1, text.len);
    if ((is_binary(out->type) && !take_attachments(&rest, &out->attachments)) ||
        !take_namespace(&rest, &out->nsp) ||
        (out->type != SOCKETIO_CONNECT && !take_id(&rest, &out->id)))
        return false;
    /* CONNECT's payload is params itself, all others are an array that holds them */
    size_t depth_max =
        out->type == SOCKETIO_CONNECT ? DECODE_DEPTH_MAX : (size_t)DECODE_FRAME_DEPTH_MAX;
    if (rest.len > 0 && decode_json(rest, depth_max, &out->data) != ERR_OK)
        return is_unreadable_event(out, rest);
    if (has_form(out))
        return true;
    json_decref(out->data);
    out->data = NULL;
    return false;
}

/* ---- writing ---- */

void socketio_append_head(struct buf *out, const struct socketio_packet *packet) {
    buf_append_char(out, (char)('0' + (int)packet->type));
    if (is_binary(packet->type)) {
        buf_append_u64(out, packet->attachments);
        buf_append_char(out, '-');
    }
    if (!str_equal(packet->nsp, STR("/"))) {
        buf_append_str(out, packet->nsp);
        buf_append_char(out, ',');
    }
    if (packet->id != SOCKETIO_NO_ID)
        buf_append_i64(out, packet->id);
}

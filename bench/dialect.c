#include "dialect.h"

#include <stdio.h>
#include <string.h>

static bool begins(const struct ws_frame *frame, const char *text) {
    size_t length = strlen(text);
    return frame->length >= length && memcmp(frame->payload, text, length) == 0;
}

static bool holds(const struct ws_frame *frame, const char *text) {
    return memmem(frame->payload, frame->length, text, strlen(text)) != NULL;
}

__attribute__((noreturn)) static void refuse(const struct member *m, const struct ws_frame *frame) {
    bench_fail("member %u did not expect: %.*s", m->number, (int)frame->length,
               (const char *)frame->payload);
}

/* The decimal number that stands right behind the text; ends the program when it is not there. */
static uint32_t number_behind(const struct member *m, const struct ws_frame *frame,
                              const char *text) {
    const uint8_t *at = memmem(frame->payload, frame->length, text, strlen(text));
    const uint8_t *end = frame->payload + frame->length;
    uint32_t number = 0;
    if (at == NULL) {
        refuse(m, frame);
    }
    for (at += strlen(text); at < end && *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (uint32_t)(*at - '0');
    }
    return number;
}

static void say(struct member *m, const char *text) {
    member_send_text(m, text, strlen(text));
}

/* ---- Parley: signed in by the upgrade, one session.start, then message.send ---- */

static int parley_path(const struct room *room, char *out, size_t size) {
    (void)room;
    return snprintf(out, size, "/api/v1/ws");
}

static void parley_open(struct member *m) {
    say(m, "{\"id\":1,\"method\":\"session.start\",\"params\":{}}");
}

static void parley_answer(struct member *m, const struct ws_frame *frame, uint64_t now_ns) {
    uint32_t id = number_behind(m, frame, "{\"id\":");
    if (!holds(frame, "\"result\":")) {
        refuse(m, frame);
    }
    if (id == 1) {
        member_ready(m);
    } else {
        traffic_acknowledged(m->room, id - 2, now_ns);
    }
}

static void parley_text(struct member *m, const struct ws_frame *frame, uint64_t now_ns) {
    if (begins(frame, "{\"id\":")) {
        parley_answer(m, frame, now_ns);
    } else if (begins(frame, "{\"event\":\"message.created\"")) {
        traffic_delivered(m, number_behind(m, frame, "\"text\":\"#"), now_ns);
    } else if (!begins(frame, "{\"event\":\"heartbeat\"")) {
        tally.events++; /* presence */
    }
}

static int parley_message(const struct member *sender, size_t number, const char *text, char *out,
                          size_t size) {
    char nonce[NONCE_ROOM_BYTES];
    traffic_nonce(nonce);
    return snprintf(out, size,
                    "{\"id\":%zu,\"method\":\"message.send\",\"params\":{\"room\":\"%s\","
                    "\"nonce\":\"%s\",\"text\":\"%s\"}}",
                    number + 2, sender->room->id, nonce, text);
}

/* ---- Parley's history: instead of sending, one asks for pages of a room that run.py filled; the
 * answer counts as the delivery ---- */

enum { HISTORY_MESSAGES = 1000000, HISTORY_PAGE = 50, HISTORY_FIRST = 1000 };

static size_t count_of(const struct ws_frame *frame, const char *text) {
    const uint8_t *at = frame->payload, *end = at + frame->length;
    size_t count = 0, length = strlen(text);
    for (; (at = memmem(at, (size_t)(end - at), text, length)) != NULL; at += length) {
        count++;
    }
    return count;
}

static void history_text(struct member *m, const struct ws_frame *frame, uint64_t now_ns) {
    bool is_page = begins(frame, "{\"id\":") && number_behind(m, frame, "{\"id\":") > 1;
    if (!is_page) {
        parley_text(m, frame, now_ns);
        return;
    }
    if (count_of(frame, "\"text\":") != HISTORY_PAGE) {
        refuse(m, frame);
    }
    traffic_delivered(m, number_behind(m, frame, "{\"id\":") - 2, now_ns);
    parley_answer(m, frame, now_ns);
}

static int history_request(const struct member *sender, size_t number, uint64_t before, char *out,
                           size_t size) {
    return snprintf(out, size,
                    "{\"id\":%zu,\"method\":\"message.list\",\"params\":{\"room\":\"%s\","
                    "\"before\":\"%llu\",\"limit\":%d}}",
                    number + 2, sender->room->id, (unsigned long long)before, HISTORY_PAGE);
}

static int history_message(const struct member *sender, size_t number, const char *text, char *out,
                           size_t size) {
    (void)text;
    uint64_t scattered = (number + 1) * 0x9E3779B97F4A7C15U >> 32;
    uint64_t before = HISTORY_FIRST + scattered % (HISTORY_MESSAGES - HISTORY_FIRST);
    return history_request(sender, number, before, out, size);
}

static int history_again_message(const struct member *sender, size_t number, const char *text,
                                 char *out, size_t size) {
    (void)text;
    return history_request(sender, number, HISTORY_MESSAGES / 2, out, size);
}

/* ---- the raw program: the path is the room, a frame is the text ---- */

static int raw_path(const struct room *room, char *out, size_t size) {
    return snprintf(out, size, "/%s", room->id);
}

static void raw_text(struct member *m, const struct ws_frame *frame, uint64_t now_ns) {
    traffic_delivered(m, number_behind(m, frame, "#"), now_ns);
}

static int raw_message(const struct member *sender, size_t number, const char *text, char *out,
                       size_t size) {
    (void)sender;
    (void)number;
    return snprintf(out, size, "%s", text);
}

/* ---- Node's ws: JSON objects of our own (peers/ws.mjs) ---- */

static int ws_path(const struct room *room, char *out, size_t size) {
    (void)room;
    return snprintf(out, size, "/");
}

static void ws_open(struct member *m) {
    char text[REQUEST_BYTES_MAX];
    snprintf(text, sizeof(text), "{\"type\":\"join\",\"room\":\"%s\"}", m->room->id);
    say(m, text);
}

static void ws_text(struct member *m, const struct ws_frame *frame, uint64_t now_ns) {
    if (begins(frame, "{\"type\":\"joined\"")) {
        member_ready(m);
    } else {
        traffic_delivered(m, number_behind(m, frame, "\"text\":\"#"), now_ns);
    }
}

static int ws_message(const struct member *sender, size_t number, const char *text, char *out,
                      size_t size) {
    (void)sender;
    (void)number;
    return snprintf(out, size, "{\"type\":\"message\",\"text\":\"%s\"}", text);
}

/* ---- Socket.IO 5 on Engine.IO 4, WebSocket only: `join` is acknowledged, `message` is sent back
 * to the room (peers/socketio.mjs, peers/flask_socketio_server.py) ---- */

static int socketio_path(const struct room *room, char *out, size_t size) {
    (void)room;
    return snprintf(out, size, "/socket.io/?EIO=4&transport=websocket");
}

static void socketio_open(struct member *m) {
    (void)m; /* the server speaks first */
}

static void socketio_text(struct member *m, const struct ws_frame *frame, uint64_t now_ns) {
    char join[REQUEST_BYTES_MAX];
    if (begins(frame, "42[\"message\",")) {
        traffic_delivered(m, number_behind(m, frame, "\"#"), now_ns);
    } else if (begins(frame, "0{")) {
        say(m, "40");
    } else if (begins(frame, "40")) {
        snprintf(join, sizeof(join), "420[\"join\",\"%s\"]", m->room->id);
        say(m, join);
    } else if (begins(frame, "430[")) {
        member_ready(m);
    } else if (begins(frame, "2")) {
        say(m, "3");
    } else {
        refuse(m, frame);
    }
}

static int socketio_message(const struct member *sender, size_t number, const char *text, char *out,
                            size_t size) {
    (void)sender;
    (void)number;
    return snprintf(out, size, "42[\"message\",\"%s\"]", text);
}

static const struct dialect dialects[] = {
    {"parley", true, parley_path, parley_open, parley_text, parley_message},
    {"history", true, parley_path, parley_open, history_text, history_message},
    {"history-again", true, parley_path, parley_open, history_text, history_again_message},
    {"raw", false, raw_path, member_ready, raw_text, raw_message},
    {"ws", false, ws_path, ws_open, ws_text, ws_message},
    {"socketio", false, socketio_path, socketio_open, socketio_text, socketio_message},
};

const struct dialect *dialect_find(const char *name) {
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        if (strcmp(dialects[i].name, name) == 0) {
            return &dialects[i];
        }
    }
    return NULL;
}

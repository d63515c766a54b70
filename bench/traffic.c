#include "dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MESSAGES_FIRST = 1024, LINE_BYTES_MAX = 4 << 20 };

static struct room *owing;
static uint64_t nonce_random; /* another one each run: nonces are unique for ever */

static void *grow(void *memory, size_t count, size_t size) {
    void *bigger = realloc(memory, count * size);
    if (bigger == NULL) {
        bench_fail("out of memory");
    }
    return bigger;
}

static void room_read(struct room *room, char *line) {
    char *save;
    const char *id = strtok_r(line, " \n", &save);
    if (id == NULL || strlen(id) >= ROOM_ID_BYTES) {
        bench_fail("%s: a room's line begins with its id", plan.file);
    }
    memcpy(room->id, id, strlen(id) + 1);
    for (const char *token; (token = strtok_r(NULL, " \n", &save)) != NULL;) {
        room->tokens = grow((void *)room->tokens, room->token_count + 1, sizeof(char *));
        room->tokens[room->token_count++] = strdup(token);
    }
    if (room->token_count == 0) {
        bench_fail("%s: no token for room %s", plan.file, room->id);
    }
}

void traffic_init(void) {
    nonce_random = bench_now_ns();
    rooms = calloc(plan.rooms, sizeof(*rooms));
    char *line = malloc(LINE_BYTES_MAX);
    FILE *file = plan.file == NULL ? NULL : fopen(plan.file, "re");
    if (rooms == NULL || line == NULL || (plan.file != NULL && file == NULL)) {
        bench_fail("%s", plan.file == NULL ? "out of memory" : plan.file);
    }
    for (size_t i = 0; i < plan.rooms; i++) {
        if (file == NULL) {
            snprintf(rooms[i].id, ROOM_ID_BYTES, "%zu", i);
        } else if (fgets(line, LINE_BYTES_MAX, file) != NULL) {
            room_read(&rooms[i], line);
        } else {
            bench_fail("%s: fewer than %zu rooms", plan.file, plan.rooms);
        }
        rooms[i].senders = calloc(plan.senders, sizeof(struct member *));
    }
    if (file != NULL) {
        fclose(file);
    }
    free(line);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t random_next(void) {
    uint64_t z = nonce_random += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

void traffic_nonce(char out[NONCE_ROOM_BYTES]) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t a = random_next(), b = random_next();
    snprintf(out, NONCE_ROOM_BYTES, "%08llx-%04llx-7%03llx-%04llx-%012llx",
             (unsigned long long)(ms >> 16 & 0xffffffff), (unsigned long long)(ms & 0xffff),
             (unsigned long long)(a & 0xfff), (unsigned long long)(0x8000 | (a >> 12 & 0x3fff)),
             (unsigned long long)(b & 0xffffffffffff));
}

void room_owe(struct room *room, size_t count) {
    if (room->owed == 0 && count > 0) {
        room->next_owing = owing;
        owing = room;
    }
    room->owed += count;
}

/* A number, then words that come again, as in what people write: with x alone a compressed frame
 * would be too good. */
static void text_write(char text[TEXT_ROOM_BYTES], size_t number) {
    static const char *const words[] = {"the",   "server", "said",  "that", "nobody", "was",
                                        "there", "before", "lunch", "and",  "all",    "tests",
                                        "pass",  "again",  "today", "but"};
    size_t length = (size_t)snprintf(text, TEXT_ROOM_BYTES, "#%08zu ", number);
    if (plan.text_bytes == TEXT_BYTES) { /* as ever, so that figures can be compared */
        memset(text + length, 'x', TEXT_BYTES - length);
        length = TEXT_BYTES;
    }
    uint64_t random = number;
    while (length < plan.text_bytes) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        length +=
            (size_t)snprintf(text + length, TEXT_ROOM_BYTES - length, "%s ", words[random >> 60]);
    }
    text[plan.text_bytes] = '\0';
}

static void room_send(struct room *room, uint64_t now_ns) {
    if (room->sent == room->capacity) {
        room->capacity = room->capacity == 0 ? MESSAGES_FIRST : room->capacity * 2;
        room->messages = grow(room->messages, room->capacity, sizeof(*room->messages));
        room->order = grow(room->order, room->capacity, sizeof(*room->order));
    }
    size_t number = room->sent++;
    room->messages[number] = (struct message){.sent_ns = now_ns};
    char text[TEXT_ROOM_BYTES];
    text_write(text, number);

    struct member *sender = room->senders[room->next_sender++ % plan.senders];
    char request[REQUEST_BYTES_MAX + TEXT_BYTES_MAX];
    int length = plan.dialect->write_message(sender, number, text, request, sizeof(request));
    member_send_text(sender, request, (size_t)length);
}

void traffic_send(uint64_t due_ns) {
    uint64_t now_ns = due_ns != 0 ? due_ns : bench_now_ns();
    while (owing != NULL) {
        struct room *room = owing;
        owing = room->next_owing;
        for (; room->owed > 0; room->owed--) {
            room_send(room, now_ns);
        }
    }
}

/* The first member that reaches a place says which message stands there; all others must find the
 * same. */
static void order_check(struct room *room, const struct member *m, uint32_t number) {
    if (m->place < room->ordered) {
        if (room->order[m->place] != number) {
            bench_fail("room %s: member %u got message %u at place %zu, another got %u", room->id,
                       m->number, number, m->place, room->order[m->place]);
        }
        return;
    }
    if (room->messages[number].placed) {
        bench_fail("room %s: member %u got message %u twice", room->id, m->number, number);
    }
    room->messages[number].placed = true;
    room->order[room->ordered++] = number;
}

void traffic_delivered(struct member *m, uint32_t number, uint64_t now_ns) {
    struct room *room = m->room;
    if (number >= room->sent) {
        bench_fail("room %s: member %u got message %u, which was never sent", room->id, m->number,
                   number);
    }
    order_check(room, m, number);
    m->place++;
    struct message *message = &room->messages[number];
    if (tally.counting) {
        tally.deliveries++;
        histogram_add(&tally.delivery_ns, now_ns - message->sent_ns);
    }
    if (++message->delivered == plan.members) {
        room->completed++;
        if (tally.sending && plan.window > 0) {
            room_owe(room, 1);
        }
    }
}

void traffic_acknowledged(struct room *room, uint32_t number, uint64_t now_ns) {
    if (number >= room->sent) {
        bench_fail("room %s: an answer to message %u, which was never sent", room->id, number);
    }
    room->acked++;
    if (tally.counting) {
        tally.acked++;
        histogram_add(&tally.ack_ns, now_ns - room->messages[number].sent_ns);
    }
}

bool traffic_all_done(void) {
    for (size_t i = 0; i < plan.rooms; i++) {
        const struct room *room = &rooms[i];
        if (room->completed != room->sent ||
            (plan.dialect->acknowledges && room->acked != room->sent)) {
            return false;
        }
    }
    return true;
}

size_t traffic_sent(void) {
    size_t sent = 0;
    for (size_t i = 0; i < plan.rooms; i++) {
        sent += rooms[i].sent;
    }
    return sent;
}

#include "auth/ticket.h"

#include <pthread.h>
#include <string.h>

/* By hash, so that nothing that can be redeemed lies in memory longer than its answer. */
struct ticket {
    unsigned char hash[TOKEN_HASH_BYTES];
    int64_t account, session_row;
    int64_t expires_at; /* 0: free */
    uint64_t number;    /* of issue */
};

static struct ticket tickets[TICKETS_MAX];
static uint64_t last_number;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Where the account's next ticket goes: to its oldest one's place if it has its share, to a free or
 * expired one's, to the oldest's of all. */
static struct ticket *ticket_find_place(int64_t account, int64_t now_ms) {
    struct ticket *oldest = NULL, *own = NULL;
    size_t own_count = 0;
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        struct ticket *held = &tickets[i];
        bool is_own = held->expires_at > now_ms && held->account == account;
        if (held->expires_at <= now_ms)
            held->number = 0; /* goes before all that live */
        if (is_own && (own == NULL || held->number < own->number))
            own = held;
        own_count += is_own;
        if (oldest == NULL || held->number < oldest->number)
            oldest = held;
    }
    return own_count >= TICKETS_PER_ACCOUNT_MAX ? own : oldest;
}

struct str ticket_issue(struct arena *arena, int64_t account, int64_t session_row, int64_t now_ms) {
    struct str secret = token_make_secret(arena, "pt_");
    struct ticket ticket = {
        .account = account, .session_row = session_row, .expires_at = now_ms + TICKET_LIFE_MS};
    token_hash(secret, ticket.hash);
    pthread_mutex_lock(&lock);
    ticket.number = ++last_number;
    *ticket_find_place(account, now_ms) = ticket;
    pthread_mutex_unlock(&lock);
    return secret;
}

int64_t ticket_redeem(struct str ticket, int64_t now_ms) {
    unsigned char hash[TOKEN_HASH_BYTES];
    int64_t session_row = 0;
    token_hash(ticket, hash);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        struct ticket *held = &tickets[i];
        if (held->expires_at == 0 || memcmp(held->hash, hash, sizeof hash) != 0)
            continue;
        session_row = held->expires_at > now_ms ? held->session_row : 0;
        *held = (struct ticket){0};
        break;
    }
    pthread_mutex_unlock(&lock);
    return session_row;
}

enum err ticket_create(struct call *call, const struct ticket_create_params *in,
                       struct ticket_create_result *out) {
    (void)in;
    if (call->actor.session == 0)
        return ERR_FORBIDDEN; /* the operator has no session to stand for */
    out->ticket =
        ticket_issue(call->arena, call->actor.account, call->actor.session, call->tx->now_ms);
    out->expires_at = call->tx->now_ms + TICKET_LIFE_MS;
    return ERR_OK;
}

/* A session: one client's place in the stream of events, over whatever transport.
 *
 * Thread: the loop of its hub, for every function here. Owner: the hub's list until the transport
 * closed it, and whoever holds it (session_hold) while a request is away. Life: NEW → SIGNED_IN →
 * CATCHING_UP ⇄ LIVE → ENDING → CLOSED.
 *
 * The stream is exact: a session has one position; CATCHING_UP reads pages of the log as its queue
 * drains, the page that reaches the head brings the rooms that it is then subscribed to, and from
 * there on the ring continues. */
#pragma once
#include "base/check.h"
#include "base/str.h"
#include "base/uuid.h"
#include "protocol/model.h"
#include "realtime/transport.h"

struct hub;
struct session;

/* What the layer above gets called with (api). */
struct session_ops {
    /* One whole message of the client; `text` is borrowed for the call. */
    void (*on_request)(struct session *session, struct str text);
};

struct session_identity {
    int64_t account; /* 0: not signed in */
    int64_t row;     /* the session's row in the database */
    int64_t expires_at_ms;
    enum role role;
    struct uuid id;
};

const struct session_identity *session_identity(const struct session *session);
struct loop *session_loop(const struct session *session);
/* The peer's address, 16 bytes, for limits. */
const uint8_t *session_peer(const struct session *session);
bool session_is_closed(const struct session *session);
/* False once it is ending, or the node is: what the client still asks is not carried out. */
bool session_takes_requests(const struct session *session);

/* A request is on its way: false when SESSION_REQUESTS_MAX are already (answer ERR_OVERLOADED). */
enum { SESSION_REQUESTS_MAX = 256 };
bool session_hold(struct session *session) MUST_CHECK;
void session_release(struct session *session);

/* Queues a reply; nothing happens once closed. */
void session_reply(struct session *session, struct str json);
/* Queues an event that is no packet, as transport.h says; nothing happens once closed. */
void session_tell(struct session *session, struct str name, struct str cursor, struct str envelope);
/* The person is known from now on. False (and closed with CLOSE_TOO_MANY) when there are too many
 * connections. */
bool session_sign_in(struct session *session, const struct session_identity *identity);
/* The stream starts once: false while a session.start is on its way, and after it. */
bool session_claim_start(struct session *session) MUST_CHECK;
/* That session.start was refused: another one may come. */
void session_unclaim_start(struct session *session);
/* After the reply to session.start: events follow from `pos` + 1 on; `only` (keys, copied; NULL:
 * all) are the rooms whose events are wanted. */
void session_start_stream(struct session *session, int64_t pos, const int64_t *only, size_t count);
void session_close(struct session *session, enum close_code code, struct str reason);

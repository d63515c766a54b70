/* Server-Sent Events (WHATWG HTML section 9.2): a session over an HTTP answer that does not end.
 * What the client has to say it says by REST. `id:` is the cursor, so that EventSource resumes by
 * itself. Thread: the connection's loop. */
#pragma once
#include "realtime/session.h"

struct conn;

/* Answers the request in hand on `conn` with a stream; the session is new. `headers`: further
 * header lines, each ended by CRLF. */
struct session *transport_sse_open(struct conn *conn, struct hub *hub, struct str headers);
/* Answers HEAD: the head of that stream, and no stream. */
void transport_sse_answer_head(struct conn *conn, struct str headers);
/* One event as it stands on the wire. `cursor` may be empty; neither text holds a line end. */
struct buf;
void transport_sse_append(struct buf *out, struct str name, struct str cursor, struct str envelope);

/* Socket.IO as a transport: one session a namespace of a client. An event's name is the envelope's,
 * its argument the envelope; where the client has asked for the recovery of its state, the cursor
 * follows as a second argument, which the client library keeps and gives back as `offset`. Thread:
 * the client's loop. */
#pragma once
#include "realtime/session.h"
#include "realtime/socketio_client.h"

/* A new session for a socket whose namespace was asked for; it becomes the socket's user, and ends
 * with it. Sending to it is of use after socketio_accept(). */
struct session *transport_socketio_open(struct socketio_socket *socket, struct hub *hub);
/* From here on events carry their cursor. */
void transport_socketio_add_offsets(struct session *session);
/* For socketio_ops. */
void transport_socketio_on_drain(struct socketio_socket *socket);
void transport_socketio_on_disconnect(struct socketio_socket *socket);
/* The session of a socket, NULL while there is none. */
struct session *transport_socketio_session(const struct socketio_socket *socket);

/* `["name",{envelope},"cursor"]`; `cursor` may be empty. */
void transport_socketio_append(struct buf *out, struct str name, struct str envelope,
                               struct str cursor);

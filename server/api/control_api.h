/* The control socket: the operator's way in, DATA/control.sock (mode 0600, the peer's uid is
 * checked). One JSON request a line, as on a WebSocket, one reply a line. Whoever reaches it is
 * above every rank (SECURITY.md 8 and 15).
 *
 * Thread: the loop given. */
#pragma once
#include "api/api.h"
#include "base/buf.h"

struct control;

/* Binds DATA/control.sock; a stale one is replaced, since the caller holds the folder's lock. NULL
 * with a message otherwise. Before the loop starts. */
struct control *control_listen(struct loop *loop, struct api *api, const char *data_folder,
                               struct buf *error);
/* Closes it and its clients, and removes the socket. On the loop; freed when libuv is done. */
void control_close(struct control *control);

/* Runs one request without a server, on the caller's thread; `reply` is called with the reply's
 * JSON before it returns. The api has its store started and its workers. */
void control_run(struct api *api, struct str line, void (*reply)(void *arg, struct str json),
                 void *arg);

enum { CONTROL_PATH_BYTES = 64, CONTROL_LINE_MAX_BYTES = 65536 };
/* The path by which a socket in `data_folder` is bound or connected to, however long its own is:
 * through /proc/self/fd. The descriptor must stay open meanwhile; the caller closes it. -1 when the
 * folder cannot be opened. */
int control_path(const char *data_folder, char out[CONTROL_PATH_BYTES]);

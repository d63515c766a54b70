/* What the ways in do alike with a session that they have opened. Thread: the session's loop. */
#pragma once
#include "api/request.h"
#include "realtime/session.h"

/* Signs in whom the request's credential named; as session_sign_in(). */
bool session_api_sign_in(struct session *session, const struct request *request);
/* For ways that carry session.start themselves: the stream begins with the event `session.started`,
 * which has that operation's result, and goes on from there. */
void session_api_start(struct session *session, const struct request *request);

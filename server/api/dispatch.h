/* Dispatch: from a decoded request to its handler and back, the same for every way in.
 *
 * dispatch_request (loop): may it come this way, signed in, limits; hands it to an executor or the
 * worker pool. dispatch_run (executor): who calls, from rows; permission; then the handler of the
 * row. */
#pragma once
#include "api/request.h"

/* Sets the functions by which the executors, the workers and the loop carry the request on. */
void dispatch_prime(struct request *request);
/* Wakes the executors for what the turn read: a hook of each loop, before the one that writes. */
void dispatch_turn_end(struct loop *loop, struct turn_end *hook);
/* `way`: how it came; operations.def says which ways each operation takes. Takes the request, whose
 * operation, params and credential are set; answers through request->reply in every case, at once
 * (before it returns) or later. */
void dispatch_request(struct request *take_request, unsigned way);
/* From a reply of an operation's on a socket: what has written is answered with its event, in one
 * write, where delivering is held up, so that one's own event comes before the answer on every
 * way; all else is answered at once. Takes the request; `answer` destroys it. */
void dispatch_answer_with_event(struct request *take_request,
                                void (*answer)(struct request *take_request));
/* What a credential that is none is answered: ERR_INVALID_TOKEN, or ERR_RATE_LIMITED once its
 * address has had its share. Charges the request once, however often it is run. Any thread. */
enum err dispatch_refuse_stranger(struct request *request) MUST_CHECK;

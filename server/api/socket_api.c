/* The socket's way in: one JSON request a message (session_ops.on_request). */
#include "api/api.h"
#include "api/dispatch.h"
#include "protocol/encode.h"

#include <string.h>

static void reply_to_socket(struct request *take_request);

static struct api *api_of(struct session *session) {
    return session_loop(session)->api;
}

static void send_error(struct session *session, struct str id, enum err error,
                       const struct error_detail *detail) {
    struct buf out = BUF_INIT;
    encode_error_reply(&out, id, error, detail);
    session_reply(session, buf_str(&out));
    buf_finish(&out);
}

static bool is_signed_in(const struct session *session) {
    return session_identity(session)->account != 0;
}

/* What only a socket's own state can say. */
static enum err check_state(struct session *session, struct request *request) {
    if (request->id == OPERATION_session_authenticate && is_signed_in(session))
        return ERR_ALREADY_SIGNED_IN;
    if (request->id != OPERATION_session_start)
        return ERR_OK;
    request->claims_start = session_claim_start(session);
    return request->claims_start ? ERR_OK : ERR_ALREADY_STARTED;
}

static void on_request(struct session *session, struct str text) {
    if (!session_hold(session)) {
        send_error(session, STR_EMPTY, ERR_OVERLOADED,
                   &(struct error_detail){.retry_after_ms = 1000});
        return;
    }
    struct request *request =
        request_create(api_of(session), session_loop(session), reply_to_socket);
    request->way = session;
    request->credential.session_row = session_identity(session)->row;
    memcpy(request->address, session_peer(session), sizeof request->address);
    request->outcome = request_decode_frame(request, text);
    if (request->outcome == ERR_OK)
        request->outcome = check_state(session, request);
    if (request->outcome != ERR_OK)
        reply_to_socket(request);
    else
        dispatch_request(request, WAY_SOCKET);
}

/* ---- replies ---- */

/* What a committed operation means for the socket that it came by. Before the reply: the person is
 * known; after it: events follow. */
static bool sign_in(struct session *session, const struct request *request) {
    const struct call_effect *effect = &request->call.effect;
    const struct session_authenticate_result *result = request->result;
    if (request->id != OPERATION_session_authenticate || !effect->sign_in)
        return true;
    return session_sign_in(session, &(struct session_identity){.account = effect->account,
                                                               .row = effect->session,
                                                               .expires_at_ms = effect->expires_at,
                                                               .role = effect->role,
                                                               .id = result->user->id});
}

static void send_result(struct session *session, const struct request *request) {
    struct buf out = BUF_INIT;
    request_encode_reply(&out, request);
    session_reply(session, buf_str(&out));
    buf_finish(&out);
}

static void answer(struct request *take_request) {
    struct request *request = take_request;
    struct session *session = request->way;
    const struct call_effect *effect = &request->call.effect;
    if (request->id == OPERATION_session_authenticate && request->outcome == ERR_OK &&
        is_signed_in(session))
        request->outcome = ERR_ALREADY_SIGNED_IN; /* by another one, meanwhile */
    if (request->outcome != ERR_OK) {
        if (request->claims_start)
            session_unclaim_start(session);
        send_error(session, request->way_id, request->outcome, &request->error);
        if (request->outcome == ERR_INVALID_TOKEN && is_signed_in(session))
            session_close(session, CLOSE_SIGNED_OUT, STR("session ended"));
    } else if (sign_in(session, request)) {
        send_result(session, request);
        if (effect->start_stream)
            session_start_stream(session, effect->start_pos, effect->only_rooms,
                                 effect->only_count);
    }
    session_release(session);
    request_destroy(request);
}

static void reply_to_socket(struct request *take_request) {
    dispatch_answer_with_event(take_request, answer);
}

const struct session_ops api_session_ops = {.on_request = on_request};

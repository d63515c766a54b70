#include "api/session_api.h"

#include "protocol/encode.h"

bool session_api_sign_in(struct session *session, const struct request *request) {
    const struct actor *actor = &request->call.actor;
    return session_sign_in(session, &(struct session_identity){.account = actor->account,
                                                               .row = actor->session,
                                                               .expires_at_ms = actor->expires_at,
                                                               .role = actor->role,
                                                               .id = actor->author.id});
}

static void tell_started(struct session *session, const struct request *request) {
    const struct session_start_result *result = request->result;
    struct buf envelope = BUF_INIT;
    buf_append_cstr(&envelope, "{\"event\":\"session.started\",\"data\":");
    encode_object(&envelope, request->operation->out, result);
    buf_append_char(&envelope, '}');
    session_tell(session, STR("session.started"), result->cursor, buf_str(&envelope));
    buf_finish(&envelope);
}

void session_api_start(struct session *session, const struct request *request) {
    const struct call_effect *effect = &request->call.effect;
    tell_started(session, request);
    session_start_stream(session, effect->start_pos, effect->only_rooms, effect->only_count);
}

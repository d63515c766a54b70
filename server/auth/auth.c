#include "auth/auth.h"

static int64_t auth_session_days = 30;

void auth_init(const struct auth_options *options) {
    auth_session_days = options->session_days;
    password_init(&options->password);
}

int64_t auth_session_life_ms(void) {
    return auth_session_days * 24 * 60 * 60 * 1000;
}

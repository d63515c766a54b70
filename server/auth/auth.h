/* Who people are: passwords, sessions, tokens. The settings of this folder, read once at the start.
 */
#pragma once
#include "auth/password.h"

enum { AUTH_TOKEN_LIFE_DEFAULT_S = 30 * 24 * 60 * 60 };

struct auth_options {
    struct password_options password;
    int64_t session_days; /* life of a sign-in */
};

/* Before any other thread starts. */
void auth_init(const struct auth_options *options);
/* Life of a sign-in. Any thread. */
int64_t auth_session_life_ms(void);

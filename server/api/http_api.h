/* What HTTP's files in api share. */
#pragma once

/* The browser's session cookie. */
#define HTTP_SESSION_COOKIE "parley_session"

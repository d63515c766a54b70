/* Sends people on to https. Thread: the connection's loop. */
#pragma once
#include "api/api.h"

/* Answers with the same path and query at the site's own address. */
void redirect_to_site(struct conn *conn, const struct site *site, const struct http_request *http);

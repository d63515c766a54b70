/* Parts that the server and the other commands make in the same way from the settings. Thread: the
 * main thread. */
#pragma once
#include "api/api.h"
#include "net/net.h"
#include "settings.h"

bool parts_open_store(const struct settings *settings, struct store **out,
                      struct buf *error) MUST_CHECK;
/* Limits, passwords, sessions, links. */
void parts_init_rules(const struct settings *settings, struct str public_url);
/* The web client; NULL, with a warning in the log, when it is not built. */
struct static_files *parts_load_web(const struct settings *settings);

/* Rules and handlers: what Parley does. The settings of this folder, read once at the start. */
#pragma once
#include "base/str.h"

enum {
    CHAT_PAGE_MAX = 100,       /* rooms, people, members a page; the default too */
    CHAT_HISTORY_DEFAULT = 50, /* messages a page */
    CHAT_INVITES_MAX = 200,    /* that a list shows, and that may be open at once */
    CHAT_INVITE_LIFE_DEFAULT_S = 7 * 24 * 60 * 60,
};

struct chat_options {
    struct str public_url;     /* links are built from it; lives as long as the process */
    int64_t resume_max_events; /* events missed up to which a session resumes */
};

/* Before any other thread starts; tells the store's log how to load the data of events. */
void chat_init(const struct chat_options *options);
/* Any thread. */
const struct chat_options *chat_options(void);

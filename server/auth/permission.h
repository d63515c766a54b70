/* Who may do what in a room: every such decision, from facts that the caller has read in its own
 * transaction. What a role allows in the workspace is protocol/permissions.h.
 *
 * Thread: any. Whoever may not even see a room is told ERR_NOT_FOUND, as for one that is not there.
 */
#pragma once
#include "base/check.h"
#include "protocol/err.h"
#include "protocol/model.h"

/* What somebody wants in a room. */
enum room_act {
    ROOM_ACT_SEE,        /* read it, its members, its messages */
    ROOM_ACT_JOIN,       /* become a member by oneself */
    ROOM_ACT_TAKE_PART,  /* what only members do: leave, move the read marker */
    ROOM_ACT_WRITE,      /* send, edit, say that one is typing */
    ROOM_ACT_MANAGE,     /* rename, add, remove */
    ROOM_ACT_ARCHIVE,    /* archive, and bring back */
    ROOM_ACT_DELETE_ANY, /* delete somebody else's message */
};

struct room_facts {
    enum role role; /* in the workspace */
    bool is_member; /* an open membership */
    bool is_maker;  /* made the room */
    bool is_private, is_archived;
};

/* ERR_OK, ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_ROOM_ARCHIVED. */
enum err permission_in_room(const struct room_facts *facts, enum room_act act) MUST_CHECK;
/* Whether the actor may act on the person: not on one of higher rank. */
bool permission_reaches(enum role actor, enum role target);

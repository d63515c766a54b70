#include "auth/permission.h"

static bool room_is_visible(const struct room_facts *facts) {
    return facts->is_member || (!facts->is_private && facts->role >= ROLE_MEMBER);
}

static enum err allowed_if(bool allowed) {
    return allowed ? ERR_OK : ERR_FORBIDDEN;
}

static enum err unless_archived(const struct room_facts *facts, enum err err) {
    return err == ERR_OK && facts->is_archived ? ERR_ROOM_ARCHIVED : err;
}

enum err permission_in_room(const struct room_facts *facts, enum room_act act) {
    const bool leads = facts->is_maker || facts->role >= ROLE_ADMIN;
    if (!room_is_visible(facts))
        return ERR_NOT_FOUND;
    switch (act) {
    case ROOM_ACT_SEE:
        return ERR_OK;
    case ROOM_ACT_JOIN:
        return facts->is_member ? ERR_OK : unless_archived(facts, ERR_OK);
    case ROOM_ACT_TAKE_PART:
        return allowed_if(facts->is_member);
    case ROOM_ACT_WRITE:
        return unless_archived(facts, allowed_if(facts->is_member));
    case ROOM_ACT_MANAGE:
        return unless_archived(facts, allowed_if(leads));
    case ROOM_ACT_ARCHIVE:
        return allowed_if(leads);
    case ROOM_ACT_DELETE_ANY:
        return allowed_if(leads && facts->is_member);
    }
    return ERR_FORBIDDEN;
}

bool permission_reaches(enum role actor, enum role target) {
    return actor >= target;
}

/* A room as the caller stands to it, read in the call's own transaction, and whether they may do
 * what they want there.
 *
 * Thread: the executor whose transaction it is. */
#pragma once
#include "auth/call.h"
#include "auth/permission.h"
#include "store/membership.h"
#include "store/room.h"

struct room_access {
    struct room_row room;
    struct membership_row membership; /* key 0: none */
    struct room_facts facts;
};

/* Reads the room and asks permission_in_room. */
enum err access_room(struct call *call, struct uuid id, enum room_act act,
                     struct room_access *out) MUST_CHECK;

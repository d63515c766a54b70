/* Permissions that a role in the workspace gives (permissions.def). Room matters are decided in
 * auth/permission.c. Any thread. */
#pragma once
#include "protocol/model.h"

enum permission {
    PERMISSION_PUBLIC,    /* nobody need be signed in */
    PERMISSION_SIGNED_IN, /* anybody who is */
    PERMISSION_OPERATOR,  /* whoever reaches the control socket */
#define PERMISSION(id, lowest, doc) PERMISSION_##id,
#include "protocol/permissions.def"
#include "protocol/undef.h"
    PERMISSION_COUNT
};

/* Whether the role has it. PUBLIC and SIGNED_IN: always; OPERATOR: never. */
bool permission_allows(enum permission permission, enum role role);
/* For documents. */
const char *permission_name(enum permission permission);
const char *permission_doc(enum permission permission);

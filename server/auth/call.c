#include "auth/call.h"

enum err call_refuse(struct call *call, const char *field, const char *detail) {
    *call->error =
        (struct error_detail){.field = str_from_cstr(field), .detail = str_from_cstr(detail)};
    return ERR_INVALID_FIELD;
}

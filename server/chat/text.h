/* What people write. Any thread. */
#pragma once
#include "base/str.h"

/* Nothing in it can be seen: white space, control and format characters only. Valid UTF-8. */
bool text_is_blank(struct str text);

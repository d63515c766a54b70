/* Who is online, as the caller may know it: guests are not told. */
#pragma once
#include "auth/call.h"

struct uuid_list online_for(struct call *call);

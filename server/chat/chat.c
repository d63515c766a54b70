#include "chat/chat.h"

#include "chat/replay.h"

static struct chat_options options_now;

void chat_init(const struct chat_options *options) {
    options_now = *options;
    replay_init();
}

const struct chat_options *chat_options(void) {
    return &options_now;
}

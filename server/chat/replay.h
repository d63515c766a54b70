/* The data of events that are read from the log again: the subject's row as it is now. */
#pragma once

/* Sets the log's loader. */
void replay_init(void);

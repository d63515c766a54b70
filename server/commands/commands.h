/* The subcommands of parley. Each takes what follows its name and returns the process's exit code.
 * Thread: the main thread. */
#pragma once

int command_serve(int argc, char **argv);
/* user, room, token, doctor, backup, owner-link: operations sent over DATA/control.sock, or carried
 * out under the folder's lock when no server runs. `name` is the first word. */
int command_control(const char *name, int argc, char **argv);

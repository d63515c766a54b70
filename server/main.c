/* parley: one program, one table of subcommands. */
#include "base/buf.h"
#include "commands/commands.h"
#include "settings.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "Parley, a chat server.\n\n"
    "  parley serve [--data DIR] [--listen ADDR:PORT] [settings]   run the server\n"
    "  parley user add NAME --role ROLE [--email E] --password-stdin\n"
    "  parley user list | passwd NAME --password-stdin | role NAME ROLE | disable NAME [--enable]\n"
    "  parley room add NAME [--private] [--user MAKER]\n"
    "  parley token create --user NAME [--expires 30d]             print a bearer token\n"
    "  parley owner-link                                           a fresh link for the first "
    "owner\n"
    "  parley doctor                                               prove that the stored data is "
    "whole\n"
    "  parley backup FILE                                          copy the database while the "
    "server runs\n"
    "  parley settings [--sample]                                  all settings\n"
    "  parley version\n\n"
    "All take --data DIR (default parley-data). With a running server they go through "
    "DIR/control.sock.\n";

static int print_settings(int argc, char **argv) {
    struct buf text = BUF_INIT;
    if (argc > 0 && strcmp(argv[0], "--sample") == 0)
        settings_write_sample(&text);
    else
        settings_write_help(&text);
    fwrite(text.data, 1, text.len, stdout);
    buf_finish(&text);
    return 0;
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "help";
    if (sodium_init() < 0) {
        fputs("parley: libsodium cannot start\n", stderr);
        return 1;
    }
    if (strcmp(name, "serve") == 0)
        return command_serve(argc - 2, argv + 2);
    if (strcmp(name, "settings") == 0)
        return print_settings(argc - 2, argv + 2);
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0)
        return puts("parley " PARLEY_VERSION) < 0;
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0)
        return fputs(usage, stdout) < 0;
    return command_control(name, argc - 2, argv + 2);
}

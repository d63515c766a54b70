/* Writes what is made from the tables: web/sdk/generated.ts, docs/PROTOCOL.md, docs/openapi.json,
 * docs/asyncapi.json, docs/SETTINGS.md, docs/parley.conf.
 *
 *   generate ROOT           writes the files below ROOT
 *   generate --check ROOT   writes nothing; ends with 1 and names the files that differ */
#include "generate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct output {
    const char *path;
    void (*write)(struct buf *out);
} outputs[] = {
    {"web/sdk/generated.ts", generate_typescript}, {"docs/PROTOCOL.md", generate_protocol},
    {"docs/openapi.json", generate_openapi},       {"docs/asyncapi.json", generate_asyncapi},
    {"docs/SETTINGS.md", generate_settings},       {"docs/parley.conf", generate_sample},
};

static bool read_whole(const char *path, struct buf *out) {
    char bytes[4096];
    size_t count;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    while ((count = fread(bytes, 1, sizeof bytes, file)) > 0)
        buf_append(out, bytes, count);
    return fclose(file) == 0;
}

static bool is_current(const char *path, const struct buf *wanted) {
    struct buf found = BUF_INIT;
    bool is_same = read_whole(path, &found) && str_equal(buf_str(&found), buf_str(wanted));
    buf_finish(&found);
    return is_same;
}

static bool write_whole(const char *path, const struct buf *text) {
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    bool is_written = fwrite(text->data, 1, text->len, file) == text->len;
    return fclose(file) == 0 && is_written;
}

/* Returns whether the file is as it should be now. */
static bool bring_up(const char *root, const struct output *output, bool check) {
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_appendf(&path, "%s/%s", root, output->path);
    output->write(&text);
    bool is_good = is_current(buf_cstr(&path), &text);
    if (!is_good && check)
        fprintf(stderr, "%s is not what the tables say: run `ninja -C build generate`\n",
                output->path);
    else if (!is_good && !(is_good = write_whole(buf_cstr(&path), &text)))
        fprintf(stderr, "%s: %s\n", buf_cstr(&path), strerror(errno));
    buf_finish(&path);
    buf_finish(&text);
    return is_good;
}

int main(int argc, char **argv) {
    bool check = argc == 3 && strcmp(argv[1], "--check") == 0;
    bool all_good = true;
    if (argc != 2 && !check) {
        fputs("usage: generate [--check] ROOT\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++)
        all_good = bring_up(argv[argc - 1], &outputs[i], check) && all_good;
    return all_good ? 0 : 1;
}

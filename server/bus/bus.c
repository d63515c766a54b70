#include "bus/bus.h"

#include "base/metrics.h"
#include "bus/bus_local.h"

static const struct {
    struct str kind;
    const struct bus_driver *driver;
} bus_kinds[] = {
    {STR_INIT("local"), &bus_local},
};

enum err bus_open(const struct bus_options *options, struct bus **out, struct buf *error) {
    for (size_t i = 0; i < sizeof bus_kinds / sizeof *bus_kinds; i++) {
        if (!str_equal(options->kind, bus_kinds[i].kind))
            continue;
        enum err err = bus_kinds[i].driver->open(options, out, error);
        if (err == ERR_OK)
            CHECK((*out)->driver == bus_kinds[i].driver);
        return err;
    }
    buf_appendf(error, "no such bus: %.*s; there is: local", STR_ARG(options->kind));
    return ERR_INVALID_FIELD;
}

void bus_publish(struct bus *bus, struct str payload) {
    if (payload.len > BUS_MESSAGE_MAX_BYTES)
        metrics_add(METRIC_BUS_DROPPED, 1);
    else
        bus->driver->publish(bus, payload);
}

void bus_close(struct bus *take_bus) {
    if (take_bus != NULL)
        take_bus->driver->close(take_bus);
}

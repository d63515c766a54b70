/* Whose a connection is, and how many an address has: one stranger may not hold all that there
 * are. Strangers are counted, by IPv4 address or IPv6 /64; whoever signed in on a connection is
 * not, nor is a trusted proxy, which carries anybody's requests. */
#include "net/conn_state.h"

#include "base/metrics.h"
#include "net/trusted.h"

enum { PREFIX_BYTES = 8 }; /* of an IPv6 address: a network, whose hosts are one customer's */

const uint8_t *conn_peer(const struct conn *conn) {
    return conn->peer;
}

static struct str key_of(const uint8_t address[16]) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool is_v4 = memcmp(address, mapped, sizeof mapped) == 0;
    return str_make((const char *)address, is_v4 ? 16 : PREFIX_BYTES);
}

static uintptr_t count_of(const struct net *net, const uint8_t address[16]) {
    return (uintptr_t)strmap_get(&net->strangers, key_of(address));
}

static void set_count(struct net *net, const uint8_t address[16], uintptr_t count) {
    if (count == 0)
        (void)strmap_remove(&net->strangers, key_of(address));
    else /* the map keeps pointers; a number that is not 0 will do */
        (void)strmap_put(&net->strangers, key_of(address), (void *)count);
}

bool net_admits(struct net *net, const uint8_t address[16]) {
    size_t limit = net->options.max_connections_per_address;
    if (limit == 0 || count_of(net, address) < limit || trusted_has(net->options.trusted, address))
        return true;
    metrics_add(METRIC_CONNECTIONS_REFUSED, 1);
    net_warn_refused(net, address);
    return false;
}

void conn_count_stranger(struct conn *conn) {
    struct net *net = conn->net;
    if (net->options.max_connections_per_address == 0 ||
        trusted_has(net->options.trusted, conn->peer))
        return;
    set_count(net, conn->peer, count_of(net, conn->peer) + 1);
    conn->is_counted = true;
}

void conn_uncount_stranger(struct conn *conn) {
    if (conn->is_counted)
        set_count(conn->net, conn->peer, count_of(conn->net, conn->peer) - 1);
    conn->is_counted = false;
}

void conn_set_known(struct conn *conn) {
    conn_uncount_stranger(conn);
    conn->is_known = true;
}

bool conn_set_peer(struct conn *conn, const uint8_t peer[16]) {
    if (memcmp(conn->peer, peer, sizeof conn->peer) == 0)
        return true;
    if (!conn->is_known && !net_admits(conn->net, peer))
        return false;
    conn_uncount_stranger(conn);
    memcpy(conn->peer, peer, sizeof conn->peer);
    if (!conn->is_known)
        conn_count_stranger(conn);
    return true;
}

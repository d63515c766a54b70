#include "commands/node.h"

#include "api/api.h"
#include "api/control_api.h"
#include "api/dispatch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "commands/parts.h"
#include "loop/loop.h"
#include "net/net.h"
#include "net/tls_server.h"
#include "net/trusted.h"
#include "realtime/fanout.h"
#include "realtime/presence.h"
#include <fcntl.h>
#include <jansson.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NODE_LOOPS_MAX = 256, DRAIN_POLL_MS = 10, DRAIN_SPREAD_MS = 2000, SIDE_NETS_MAX = 2 };

/* Of the process's descriptors, so many are not for connections (where there are few, half). */
enum { DESCRIPTORS_KEPT = 64 };

/* The most connections of a further address (of few descriptors, an eighth): its requests are
 * short. */
enum { SIDE_CONNECTIONS = 1024, SIDE_SHARE = 8 };

struct node_loop {
    struct loop *loop;
    struct net *net;
    struct hub *hub;
    struct turn_end submit_hook;
    struct mail drain_mail, abort_mail;
    struct node *node;
};

struct node {
    const struct settings *settings;
    struct api api;
    struct fanout *fanout;
    struct control *control;
    struct executor_ops executor_ops;
    struct node_loop loops[NODE_LOOPS_MAX];
    size_t loop_count;
    struct timer presence_timer;
    struct net *side_nets[SIDE_NETS_MAX]; /* of further addresses, beside the first loop's */
    unsigned side_net_count;
    struct tls_server *tls; /* NULL: plain HTTP */
    struct trusted trusted;
    uint16_t port;
    bool store_started, loops_started;
};

static void tell_presence(struct timer *timer);
static void drain_loop(struct loop *loop, struct mail *mail);
static void abort_loop(struct loop *loop, struct mail *mail);

/* ---- starting ---- */

static size_t count_loops(const struct settings *settings) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = settings->loops > 0 ? (size_t)settings->loops : (size_t)(cores > 0 ? cores : 1);
    return wanted < NODE_LOOPS_MAX ? wanted : NODE_LOOPS_MAX;
}

static bool open_store(struct node *node, struct buf *error) {
    uint32_t check;
    if (!parts_open_store(node->settings, &node->api.store, error))
        return false;
    struct fanout_options options = {.ring_bytes = (size_t)node->settings->realtime_ring_bytes,
                                     .head_pos = store_head_at_open(node->api.store, &check)};
    options.head_check = check;
    node->fanout = fanout_create(&options);
    node->executor_ops = (struct executor_ops){.committed = fanout_publish, .arg = node->fanout};
    return true;
}

static struct ws_deflate_options deflate_options_of(const struct settings *settings) {
    /* the choices none, client, server, both are two bits */
    return (struct ws_deflate_options){
        .is_on = settings->ws_deflate,
        .client_takeover = (settings->ws_deflate_takeover & 1) != 0,
        .server_takeover = (settings->ws_deflate_takeover & 2) != 0,
        .window_bits = (uint8_t)settings->ws_deflate_window_bits,
        .min_bytes = (size_t)settings->ws_deflate_min_bytes,
    };
}

/* Of one loop, of `connections` of all; the kernel spreads an address's connections over the loops.
 */
static size_t connections_per_address(const struct settings *settings, size_t connections,
                                      size_t loops) {
    enum { SHARE = 4 };
    size_t most = (size_t)settings->net_max_connections_per_address;
    if (most == 0)
        most = connections / SHARE;
    if (most > connections)
        most = connections;
    return settings->limits_rate ? most / loops + 1 : 0;
}

static struct net_options net_options_of(const struct settings *settings, size_t loops) {
    return (struct net_options){
        .max_connections = (size_t)settings->net_max_connections / loops + 1,
        .max_connections_per_address =
            connections_per_address(settings, (size_t)settings->net_max_connections, loops),
        .max_header_bytes = (size_t)settings->net_max_header_bytes,
        .max_body_bytes = (size_t)settings->net_max_body_bytes,
        .own_body_prefix = STR(API_SOCKETIO_PREFIX),
        .own_body_bytes = (size_t)settings->socketio_max_payload_bytes,
        .max_message_bytes = (size_t)settings->ws_max_message_bytes,
        .own_message_bytes = (size_t)settings->socketio_max_payload_bytes,
        .queue_bytes = (size_t)settings->net_queue_bytes,
        .header_timeout_ms = (uint64_t)settings->net_header_timeout_ms,
        .body_timeout_ms = (uint64_t)settings->net_body_timeout_ms,
        .idle_timeout_ms = (uint64_t)settings->net_idle_timeout_ms,
        .close_timeout_ms = (uint64_t)settings->net_close_timeout_ms,
        .send_batch = (enum send_batch_mode)settings->net_send_batch,
        .deflate = deflate_options_of(settings),
    };
}

/* How strangers reach us: by TLS, through proxies. */
static void set_public_side(const struct node *node, struct net_options *options) {
    options->tls = node->tls;
    options->trusted = &node->trusted;
    options->proxy_protocol = node->settings->net_proxy_protocol;
    options->is_https = settings_is_https(node->settings);
}

static struct hub_options hub_options_of(const struct node *node, size_t loops) {
    const struct settings *settings = node->settings;
    return (struct hub_options){
        .ring = fanout_ring(node->fanout),
        .store = node->api.store,
        .ops = &api_session_ops,
        .loops = (unsigned)loops,
        .queue_bytes = (size_t)settings->net_queue_bytes,
        .connections_per_person =
            settings->limits_rate ? (unsigned)settings->limits_connections_per_person : 0,
        .ping_after_ms = (uint64_t)settings->ws_ping_interval_ms,
        .silence_timeout_ms = (uint64_t)settings->ws_silence_timeout_ms,
        .heartbeat_ms = (uint64_t)settings->realtime_heartbeat_ms,
        .unauthenticated_timeout_ms = (uint64_t)settings->auth_unauthenticated_timeout_ms,
    };
}

static uint64_t smaller(int64_t one, int64_t other) {
    return (uint64_t)(one < other ? one : other);
}

static struct socketio_options socketio_options_of(const struct settings *settings, size_t loops) {
    return (struct socketio_options){
        .engine = {.ping_interval_ms = (uint64_t)settings->socketio_ping_interval_ms,
                   .ping_timeout_ms = (uint64_t)settings->socketio_ping_timeout_ms,
                   .upgrade_timeout_ms = (uint64_t)settings->socketio_upgrade_timeout_ms,
                   .max_payload_bytes = (size_t)settings->socketio_max_payload_bytes,
                   .max_engines = (size_t)settings->net_max_connections / loops + 1,
                   .queue_bytes = (size_t)settings->net_queue_bytes,
                   .append_headers = api_append_socketio_headers},
        .namespaces = str_from_cstr(settings->socketio_namespaces),
        .connect_timeout_ms = smaller(settings->socketio_connect_timeout_ms,
                                      settings->auth_unauthenticated_timeout_ms),
    };
}

static void add_socketio(struct node *node, const struct node_loop *part, size_t loops) {
    struct socketio_options options = socketio_options_of(node->settings, loops);
    node->api.socketio[part->loop->index] = socketio_server_create(
        part->loop, part->net, &options, &api_socketio_ops, &node->api.engines);
}

/* One loop with its listener, hub and way to the api. */
static bool add_loop(struct node *node, size_t loops, struct buf *error) {
    struct node_loop *part = &node->loops[node->loop_count];
    struct net_options net_options = net_options_of(node->settings, loops);
    struct hub_options hub_options = hub_options_of(node, loops);
    bool is_first = node->loop_count == 0;
    set_public_side(node, &net_options);
    part->node = node;
    part->drain_mail.run = drain_loop;
    part->abort_mail.run = abort_loop;
    part->loop = loop_create((unsigned)node->loop_count, NULL);
    part->loop->api = &node->api;
    part->submit_hook.run = dispatch_turn_end;
    loop_add_turn_end(part->loop, &part->submit_hook);
    node->loop_count++;
    if (!net_create(part->loop, &net_options, &api_http_ops, &part->net, error))
        return false;
    part->hub = hub_create(part->loop, &hub_options);
    fanout_add_hub(node->fanout, part->hub);
    add_socketio(node, part, loops);
    return net_listen(part->net, str_from_cstr(node->settings->listen), &node->port, is_first,
                      error);
}

/* Listens on a further address; an empty one: nothing to do. */
static bool listen_beside(struct node *node, const char *address, const struct net_options *options,
                          const struct conn_ops *ops, struct buf *error) {
    uint16_t port = 0;
    if (address[0] == '\0')
        return true;
    CHECK(node->side_net_count < SIDE_NETS_MAX);
    struct net **net = &node->side_nets[node->side_net_count];
    if (!net_create(node->loops[0].loop, options, ops, net, error))
        return false;
    node->side_net_count++;
    if (!net_listen(*net, str_from_cstr(address), &port, true, error))
        return false;
    LOG_INFO("listens beside", log_cstr("address", address), log_int("port", port));
    return true;
}

/* /metrics without a token, and the way to https. */
static bool open_side_nets(struct node *node, struct buf *error) {
    struct net_options metrics = net_options_of(node->settings, 1), redirect;
    if (metrics.max_connections > SIDE_CONNECTIONS)
        metrics.max_connections = SIDE_CONNECTIONS;
    metrics.max_connections_per_address =
        connections_per_address(node->settings, metrics.max_connections, 1);
    redirect = metrics;
    set_public_side(node, &redirect);
    redirect.tls = NULL;
    redirect.is_https = false;
    return listen_beside(node, node->settings->metrics_listen, &metrics, &api_metrics_ops, error) &&
           listen_beside(node, node->settings->http_redirect_listen, &redirect, &api_redirect_ops,
                         error);
}

static bool open_edge(struct node *node, struct buf *error) {
    const struct settings *settings = node->settings;
    struct buf why = BUF_INIT;
    bool is_ok = trusted_parse(str_from_cstr(settings->net_trusted_proxies), &node->trusted, &why);
    if (!is_ok)
        buf_appendf(error, "net.trusted_proxies: %.*s", STR_ARG(buf_str(&why)));
    buf_finish(&why);
    if (!is_ok || settings->tls_certificate[0] == '\0')
        return is_ok;
    node->tls = tls_server_create(settings->tls_certificate, settings->tls_key, error);
    return node->tls != NULL;
}

static bool check_namespaces(const struct settings *settings, struct buf *error) {
    if (socketio_namespaces_are_valid(str_from_cstr(settings->socketio_namespaces)))
        return true;
    buf_appendf(error,
                "socketio.namespaces is \"%s\", but must be names like /admin, parted by commas",
                settings->socketio_namespaces);
    return false;
}

/* How many connections there are descriptors for: of those that are free now that all is open, some
 * are kept for the control socket, the store and files, so that the operator and those who are
 * connected go on while newcomers wait. */
static size_t connections_in_reach(void) {
    struct rlimit limit;
    int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (lowest_free < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    close(lowest_free);
    size_t left = (size_t)limit.rlim_cur - (size_t)lowest_free;
    size_t kept = left / 2 < DESCRIPTORS_KEPT ? left / 2 : DESCRIPTORS_KEPT;
    return left > kept ? left - kept : 1;
}

/* The default is more than most machines give, and no news then. */
static void tell_descriptors(const struct settings *settings, int64_t most) {
    struct settings defaults;
    settings_init(&defaults);
    if (settings->net_max_connections != defaults.net_max_connections)
        LOG_WARN("fewer connections than the setting says, for want of descriptors",
                 log_cstr("setting", "net.max_connections"),
                 log_int("value", settings->net_max_connections), log_int("connections", most));
    else
        LOG_INFO("connections are limited by descriptors", log_int("connections", most));
    settings_finish(&defaults);
}

static void keep_descriptors(struct node *node) {
    const struct settings *settings = node->settings;
    size_t reach = connections_in_reach(), sides = node->side_net_count, loops = node->loop_count;
    size_t side = reach / SIDE_SHARE < SIDE_CONNECTIONS ? reach / SIDE_SHARE + 1 : SIDE_CONNECTIONS;
    size_t most = reach > sides * side ? reach - sides * side : 1;
    for (size_t i = 0; i < sides; i++)
        net_limit_connections(node->side_nets[i], side, connections_per_address(settings, side, 1));
    if (most >= (size_t)settings->net_max_connections)
        return;
    tell_descriptors(settings, (int64_t)most);
    for (size_t i = 0; i < loops; i++)
        net_limit_connections(node->loops[i].net, most > loops ? most / loops : 1,
                              connections_per_address(settings, most, loops));
}

static bool open_network(struct node *node, struct buf *error) {
    const struct settings *settings = node->settings;
    size_t loops = count_loops(settings);
    if (!check_namespaces(settings, error) || !open_edge(node, error))
        return false;
    for (size_t i = 0; i < loops; i++) {
        if (!add_loop(node, loops, error))
            return false;
    }
    if (!site_init(&node->api.site, str_from_cstr(settings->public_url), node->port,
                   node->tls != NULL, error) ||
        !cors_init(&node->api.cors, str_from_cstr(settings->cors_origins), error) ||
        !open_side_nets(node, error))
        return false;
    parts_init_rules(settings, node->api.site.public_url);
    node->api.files = parts_load_web(settings);
    node->control = control_listen(node->loops[0].loop, &node->api, settings->data, error);
    if (node->control == NULL)
        return false;
    keep_descriptors(node);
    return true;
}

static void start_threads(struct node *node) {
    const struct settings *settings = node->settings;
    node->api.workers =
        worker_pool_create((unsigned)settings->auth_workers, (size_t)settings->auth_queue_max);
    store_start(node->api.store, &node->executor_ops);
    node->store_started = true;
    timer_init(&node->presence_timer, tell_presence);
    timer_arm(node->loops[0].loop, &node->presence_timer, PRESENCE_TICK_MS);
    for (size_t i = 0; i < node->loop_count; i++)
        loop_start(node->loops[i].loop);
    node->loops_started = true;
}

struct node *node_start(const struct settings *settings, struct buf *error) {
    struct node *node = mem_zalloc(1, sizeof *node);
    node->settings = settings;
    if (!open_store(node, error) || !open_network(node, error)) {
        node_stop(node);
        return NULL;
    }
    start_threads(node);
    LOG_INFO("started", log_str("url", node->api.site.public_url),
             log_int("loops", (int64_t)node->loop_count),
             log_cstr("send_batch", net_send_batch_name(node->loops[0].net)),
             log_cstr("version", PARLEY_VERSION));
    return node;
}

uint16_t node_port(const struct node *node) {
    return node->port;
}

struct str node_url(const struct node *node) {
    return node->api.site.public_url;
}

/* ---- while it runs ---- */

/* Once a second on the first loop: who came and went, in one event for all. */
static void tell_presence(struct timer *timer) {
    struct node *node = CONTAINER_OF(timer, struct node, presence_timer);
    struct arena *arena = arena_create();
    struct presence_changed_data data = {0};
    if (presence_take_changes(arena, clock_now_ms(), &data.online, &data.offline))
        fanout_publish_unlogged(node->fanout, &(struct log_event){.type = EVENT_presence_changed,
                                                                  .audience = audience_workspace(),
                                                                  .data = &data});
    arena_destroy(arena);
    timer_arm(timer->loop, timer, PRESENCE_TICK_MS);
}

void node_reload(struct node *node) {
    struct buf error = BUF_INIT;
    if (node->tls == NULL)
        LOG_INFO("nothing to reload", log_cstr("setting", "tls.certificate"));
    else if (tls_server_reload(node->tls, &error))
        LOG_INFO("certificate reloaded");
    else
        LOG_ERROR("certificate not reloaded, the old one stays", log_str("why", buf_str(&error)));
    buf_finish(&error);
}

static void take_link(void *arg, struct str json) {
    json_t *reply = json_loadb(json.ptr, json.len, 0, NULL);
    const char *url = json_string_value(json_object_get(json_object_get(reply, "result"), "url"));
    if (url != NULL)
        buf_append_cstr(arg, url);
    json_decref(reply);
}

void node_owner_link(struct node *node, struct buf *out) {
    control_run(&node->api, STR("{\"id\":1,\"method\":\"owner.link\"}"), take_link, out);
}

/* ---- stopping ---- */

/* Once: a loop that stops at once runs drain_loop only in stop_loop's last turns. */
static void close_control(struct node *node) {
    if (node->control != NULL)
        control_close(node->control);
    node->control = NULL;
}

static void drain_loop(struct loop *loop, struct mail *mail) {
    struct node_loop *part = CONTAINER_OF(mail, struct node_loop, drain_mail);
    (void)loop;
    net_drain(part->net);
    hub_drain(part->hub, DRAIN_SPREAD_MS);
    if (part == &part->node->loops[0]) {
        for (unsigned i = 0; i < part->node->side_net_count; i++)
            net_drain(part->node->side_nets[i]);
        timer_disarm(&part->node->presence_timer);
        close_control(part->node);
    }
}

static void abort_loop(struct loop *loop, struct mail *mail) {
    struct node_loop *part = CONTAINER_OF(mail, struct node_loop, abort_mail);
    (void)loop;
    net_abort_all(part->net);
    for (unsigned i = 0; part == &part->node->loops[0] && i < part->node->side_net_count; i++)
        net_abort_all(part->node->side_nets[i]);
}

static void wait_for_connections(int64_t limit_ms) {
    for (int64_t waited = 0; waited < limit_ms && metrics_get(METRIC_CONNECTIONS) > 0;
         waited += DRAIN_POLL_MS)
        usleep(DRAIN_POLL_MS * 1000);
}

/* Sessions are asked to come again and those that do not answer are cut; requests in hand are
 * committed and answered before. */
static void drain(struct node *node) {
    atomic_store(&node->api.draining, true);
    for (size_t i = 0; i < node->loop_count; i++)
        loop_post(node->loops[i].loop, &node->loops[i].drain_mail);
    wait_for_connections(node->settings->drain_ms);
    for (size_t i = 0; i < node->loop_count; i++)
        loop_post(node->loops[i].loop, &node->loops[i].abort_mail);
}

/* What was closed is told so; then the loop's parts go. */
static void stop_loop(struct node *node, struct node_loop *part) {
    enum { TURNS_MAX = 100 };
    bool is_first = part == &node->loops[0];
    if (is_first)
        close_control(node);
    if (!node->loops_started && part->net != NULL)
        net_drain(part->net);
    for (unsigned i = 0; !node->loops_started && is_first && i < node->side_net_count; i++)
        net_drain(node->side_nets[i]);
    for (int turn = 0; turn < TURNS_MAX && uv_run(&part->loop->uv, UV_RUN_NOWAIT) != 0; turn++)
        continue;
    if (node->api.socketio[part->loop->index] != NULL)
        socketio_server_destroy(node->api.socketio[part->loop->index]);
    if (part->hub != NULL)
        hub_destroy(part->hub);
    for (unsigned i = 0; is_first && i < node->side_net_count; i++)
        net_destroy(node->side_nets[i]);
    if (part->net != NULL)
        net_destroy(part->net);
    loop_destroy(part->loop);
}

static void stop_loops(struct node *node) {
    for (size_t i = 0; i < node->loop_count && node->loops_started; i++) {
        loop_stop(node->loops[i].loop);
        loop_join(node->loops[i].loop);
    }
    for (size_t i = 0; i < node->loop_count; i++)
        stop_loop(node, &node->loops[i]);
}

void node_stop(struct node *take_node) {
    struct node *node = take_node;
    if (node->loops_started)
        drain(node);
    if (node->api.workers != NULL)
        worker_pool_destroy(node->api.workers);
    if (node->store_started)
        store_stop(node->api.store);
    stop_loops(node);
    if (node->api.store != NULL)
        store_close(node->api.store);
    if (node->fanout != NULL)
        fanout_destroy(node->fanout);
    if (node->api.files != NULL)
        static_files_destroy(node->api.files);
    presence_finish();
    tls_server_destroy(node->tls);
    mem_free(node);
}

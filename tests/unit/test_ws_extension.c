/* Negotiation of permessage-deflate: which offers are accepted, and what is answered. */
#include "net/ws_extension.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct ws_deflate_options by_default = {.is_on = true, .window_bits = 12};
static const struct ws_deflate_options with_takeover = {
    .is_on = true, .server_takeover = true, .client_takeover = true, .window_bits = 15};

#define NONE "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
#define MALFORMED "malformed"

struct negotiation {
    const char *offers, *by_default, *with_takeover;
};

static const struct negotiation negotiations[] = {
    {"permessage-deflate", NONE, "permessage-deflate"},
    /* each parameter */
    {"permessage-deflate; server_no_context_takeover", NONE,
     "permessage-deflate; server_no_context_takeover"},
    {"permessage-deflate; client_no_context_takeover", NONE,
     "permessage-deflate; client_no_context_takeover"},
    {"permessage-deflate; client_no_context_takeover; server_no_context_takeover", NONE, NONE},
    {"permessage-deflate; client_max_window_bits", NONE "; client_max_window_bits=12",
     "permessage-deflate; client_max_window_bits=15"},
    {"permessage-deflate; client_max_window_bits=10", NONE "; client_max_window_bits=10",
     "permessage-deflate; client_max_window_bits=10"},
    {"permessage-deflate; client_max_window_bits=8", NONE "; client_max_window_bits=8",
     "permessage-deflate; client_max_window_bits=8"},
    {"permessage-deflate; server_max_window_bits=10", NONE "; server_max_window_bits=10",
     "permessage-deflate; server_max_window_bits=10"},
    {"permessage-deflate; server_max_window_bits=15", NONE "; server_max_window_bits=12",
     "permessage-deflate; server_max_window_bits=15"},
    {"permessage-deflate;server_max_window_bits=9;client_max_window_bits=9",
     NONE "; server_max_window_bits=9; client_max_window_bits=9",
     "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9"},
    /* quoted values, white space */
    {"permessage-deflate; server_max_window_bits=\"10\"", NONE "; server_max_window_bits=10",
     "permessage-deflate; server_max_window_bits=10"},
    {"permessage-deflate; server_max_window_bits=\"1\\0\"", NONE "; server_max_window_bits=10",
     "permessage-deflate; server_max_window_bits=10"},
    {" \tpermessage-deflate ;\tserver_max_window_bits = 10 ", NONE "; server_max_window_bits=10",
     "permessage-deflate; server_max_window_bits=10"},
    /* declined: wrong values */
    {"permessage-deflate; server_max_window_bits", "", ""},
    {"permessage-deflate; server_max_window_bits=7", "", ""},
    {"permessage-deflate; server_max_window_bits=16", "", ""},
    {"permessage-deflate; server_max_window_bits=08", "", ""},
    {"permessage-deflate; server_max_window_bits=010", "", ""},
    {"permessage-deflate; server_max_window_bits=100", "", ""},
    {"permessage-deflate; server_max_window_bits=-9", "", ""},
    {"permessage-deflate; server_max_window_bits=+9", "", ""},
    {"permessage-deflate; server_max_window_bits=x", "", ""},
    {"permessage-deflate; client_max_window_bits=7", "", ""},
    {"permessage-deflate; client_max_window_bits=16", "", ""},
    {"permessage-deflate; client_max_window_bits=0", "", ""},
    {"permessage-deflate; server_no_context_takeover=1", "", ""},
    {"permessage-deflate; client_no_context_takeover=true", "", ""},
    /* declined: unknown or repeated parameters */
    {"permessage-deflate; level=9", "", ""},
    {"permessage-deflate; Server_No_Context_Takeover", "", ""},
    {"Permessage-Deflate", "", ""}, /* names have a case */
    {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", "", ""},
    {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", "", ""},
    {"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", "", ""},
    {"permessage-deflate; client_max_window_bits; client_max_window_bits=10", "", ""},
    /* zlib deflates with no window of 8 bits */
    {"permessage-deflate; server_max_window_bits=8", "", ""},
    /* the client's next offer */
    {"permessage-deflate; server_max_window_bits=8, permessage-deflate", NONE,
     "permessage-deflate"},
    {"permessage-deflate; level=9, permessage-deflate; server_max_window_bits=11",
     NONE "; server_max_window_bits=11", "permessage-deflate; server_max_window_bits=11"},
    {"permessage-deflate; server_max_window_bits=9, permessage-deflate",
     NONE "; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9"},
    {"x-webkit-deflate-frame, permessage-bzip2; level=9, permessage-deflate", NONE,
     "permessage-deflate"},
    {",, permessage-deflate ,", NONE, "permessage-deflate"},
    /* others alone */
    {"x-webkit-deflate-frame", "", ""},
    {"permessage-deflate2; server_no_context_takeover", "", ""},
    {"Permessage-Deflate", "", ""},
    {"foo; bar=\"baz\"; permessage-deflate", "", ""},
    /* not of the grammar */
    {"", MALFORMED, MALFORMED},
    {" , ", MALFORMED, MALFORMED},
    {";", MALFORMED, MALFORMED},
    {"permessage-deflate;", MALFORMED, MALFORMED},
    {"permessage-deflate;;", MALFORMED, MALFORMED},
    {"permessage-deflate; =1", MALFORMED, MALFORMED},
    {"permessage-deflate; server_max_window_bits=", MALFORMED, MALFORMED},
    {"permessage-deflate; server_max_window_bits=\"10", MALFORMED, MALFORMED},
    {"permessage-deflate; server_max_window_bits=\"\"", MALFORMED, MALFORMED},
    {"permessage-deflate; server_max_window_bits=\" 10\"", MALFORMED, MALFORMED},
    {"permessage-deflate; server_max_window_bits=\"10\\", MALFORMED, MALFORMED},
    {"permessage-deflate; server_max_window_bits=\"10\"1", MALFORMED, MALFORMED},
    {"permessage-deflate server_no_context_takeover", MALFORMED, MALFORMED},
    {"permessage-deflate, foo bar", MALFORMED, MALFORMED},
    {"permessage-deflate, \"foo\"", MALFORMED, MALFORMED},
    {"permessage-deflate, f\x80o", MALFORMED, MALFORMED},
    {"permessage-deflate=1", MALFORMED, MALFORMED},
};

static void assert_negotiated(const char *offers, const struct ws_deflate_options *options,
                              const char *wanted) {
    struct ws_deflate_params params = {0};
    char response[WS_EXTENSION_RESPONSE_BYTES] = MALFORMED;
    if (ws_extension_negotiate(str_from_cstr(offers), options, &params))
        ws_extension_response(&params, response);
    if (strcmp(response, wanted) != 0)
        fail_msg("%s: %s, not %s", offers, response, wanted);
}

static void offers_are_tried_in_order_and_bad_ones_declined(void **state) {
    (void)state;
    static const struct ws_deflate_options off = {.window_bits = 12};
    for (size_t i = 0; i < sizeof negotiations / sizeof negotiations[0]; i++) {
        const struct negotiation *one = &negotiations[i];
        assert_negotiated(one->offers, &by_default, one->by_default);
        assert_negotiated(one->offers, &with_takeover, one->with_takeover);
        bool is_malformed = strcmp(one->by_default, MALFORMED) == 0;
        assert_negotiated(one->offers, &off, is_malformed ? MALFORMED : "");
    }
}

static void each_side_keeps_its_context_only_where_the_settings_let_it(void **state) {
    (void)state;
    struct ws_deflate_options options = {.is_on = true, .client_takeover = true, .window_bits = 12};
    assert_negotiated("permessage-deflate", &options,
                      "permessage-deflate; server_no_context_takeover");
    options =
        (struct ws_deflate_options){.is_on = true, .server_takeover = true, .window_bits = 12};
    assert_negotiated("permessage-deflate", &options,
                      "permessage-deflate; client_no_context_takeover");
}

static struct ws_deflate_params agree(const char *offers,
                                      const struct ws_deflate_options *options) {
    struct ws_deflate_params params = {0};
    assert_true(ws_extension_negotiate(str_from_cstr(offers), options, &params));
    return params;
}

static void what_is_agreed_on_is_what_is_answered(void **state) {
    (void)state;
    struct ws_deflate_params params = agree("permessage-deflate", &by_default);
    assert_int_equal(params.server_bits, 12);
    assert_int_equal(params.client_bits, 15); /* it may not be told to take less */
    params =
        agree("permessage-deflate; client_max_window_bits; server_max_window_bits=9", &by_default);
    assert_int_equal(params.server_bits, 9);
    assert_int_equal(params.client_bits, 12);
}

static void the_headers_of_a_request_are_one_list(void **state) {
    (void)state;
    char response[WS_EXTENSION_RESPONSE_BYTES];
    struct ws_deflate_params params = {0};
    assert_true(ws_extension_negotiate(STR("foo"), &by_default, &params));
    assert_true(ws_extension_negotiate(STR("permessage-deflate; server_max_window_bits=10"),
                                       &by_default, &params));
    assert_true(ws_extension_negotiate(STR("permessage-deflate"), &by_default, &params));
    ws_extension_response(&params, response);
    assert_string_equal(response, NONE "; server_max_window_bits=10");
}

static void no_offer_however_long_or_odd_is_too_much(void **state) {
    (void)state;
    struct buf offers = BUF_INIT;
    for (unsigned i = 0; i < 1000; i++)
        buf_append_cstr(&offers, "permessage-deflate; server_max_window_bits=88888888888888888, ");
    buf_append_cstr(&offers, "permessage-deflate");
    assert_negotiated(buf_cstr(&offers), &by_default, NONE);
    for (size_t length = offers.len - 80; length < offers.len; length++) {
        struct ws_deflate_params params = {0};
        char *cut = malloc(length); /* of exactly this size: a read beyond it is found */
        memcpy(cut, offers.data, length);
        if (ws_extension_negotiate(str_make(cut, length), &by_default, &params))
            assert_false(params.is_on && params.tells_server_bits);
        free(cut);
    }
    buf_finish(&offers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_are_tried_in_order_and_bad_ones_declined),
        cmocka_unit_test(each_side_keeps_its_context_only_where_the_settings_let_it),
        cmocka_unit_test(what_is_agreed_on_is_what_is_answered),
        cmocka_unit_test(the_headers_of_a_request_are_one_list),
        cmocka_unit_test(no_offer_however_long_or_odd_is_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

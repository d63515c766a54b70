#include "net/ws_handshake.h"

#include "base/check.h"
#include "base/text.h"
#include <openssl/evp.h>

void ws_handshake_accept(struct str key, char out[WS_ACCEPT_BYTES]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CHECK(context != NULL);
    CHECK(EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1);
    CHECK(EVP_DigestUpdate(context, key.ptr, key.len) == 1);
    CHECK(EVP_DigestUpdate(context, guid, sizeof guid - 1) == 1);
    CHECK(EVP_DigestFinal_ex(context, digest, &length) == 1);
    EVP_MD_CTX_free(context);
    text_base64_encode(digest, length, out);
}

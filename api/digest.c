/* SPDX-License-Identifier: Apache-2.0 */
#include "api/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

bool digest_of(const char *bytes, size_t length, struct digest *ret_digest)
{
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, length, ret_digest->bytes) == 0;
}

bool digest_equals(const struct digest *left, const struct digest *right)
{
    return gnutls_memcmp(left->bytes, right->bytes, DIGEST_BYTES) == 0;
}

static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

bool digest_parse(const char *digits, size_t length, struct digest *ret_digest)
{
    if (length != DIGEST_HEX)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = digit_of(digits[2 * i]);
        int low = digit_of(digits[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret_digest->bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

void digest_format(const struct digest *digest, char ret_digits[DIGEST_HEX + 1])
{
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        ret_digits[2 * i] = "0123456789abcdef"[digest->bytes[i] >> 4];
        ret_digits[2 * i + 1] = "0123456789abcdef"[digest->bytes[i] & 15];
    }
    ret_digits[DIGEST_HEX] = '\0';
}

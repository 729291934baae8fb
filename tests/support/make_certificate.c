/* SPDX-License-Identifier: Apache-2.0
 *
 * make_certificate NAME CERTIFICATE KEY: a certificate that signs itself, valid from yesterday to
 * tomorrow, and its key, as PEM files.
 */
#include "tests/support/certificate.h"

int main(int argc, char **argv)
{
    static struct certificate made;
    const time_t day = 86400;
    time_t now = time(NULL);

    if (argc != 4) {
        (void)fputs("usage: make_certificate NAME CERTIFICATE KEY\n", stderr);
        return 2;
    }
    if (!certificate_make(argv[1], now - day, now + day, &made) ||
        !certificate_write(argv[3], made.key) || !certificate_write(argv[2], made.certificate)) {
        (void)fputs("make_certificate: it cannot be made\n", stderr);
        return 1;
    }
    return 0;
}

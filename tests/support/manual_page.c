/* SPDX-License-Identifier: Apache-2.0
 *
 * manual_page man|settings|bash|zsh: writes what is made of the tables of verbs and settings.
 */
#include <stdio.h>
#include <string.h>

#include "service/manual.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(FILE *to);
    } pages[] = {{"man", manual_write_man},
                 {"settings", manual_write_settings},
                 {"bash", manual_write_bash},
                 {"zsh", manual_write_zsh}};

    for (size_t i = 0; argc == 2 && i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].write(stdout);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    (void)fputs("usage: manual_page man|settings|bash|zsh\n", stderr);
    return 2;
}

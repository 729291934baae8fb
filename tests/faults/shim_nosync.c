/* SPDX-License-Identifier: Apache-2.0
 *
 * For LD_PRELOAD: a system in which syncing does nothing. The control of the power cuts: with it, a
 * cut must lose what it never loses otherwise.
 */
#include <unistd.h>

int fsync(int file)
{
    (void)file;
    return 0;
}

int fdatasync(int file)
{
    (void)file;
    return 0;
}

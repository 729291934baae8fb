/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking for memory before its turn. GCC takes a function that does nothing but __builtin_prefetch
 * for one without any effect, and drops the calls of it; the empty statement is an effect, and no
 * instruction. Thread: any.
 */
#ifndef LIVECTR_STORAGE_PREFETCH_H
#define LIVECTR_STORAGE_PREFETCH_H

/* The cache line of this address, which need not be one of ours. */
static inline void prefetch(const void *address)
{
    __builtin_prefetch(address, 1);
    __asm__ volatile("");
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/access.h"

#include <string.h>

/* splitmix64 (Steele, Lea, Flood 2014): neighbours become numbers that have nothing in common. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

void access_names_init(struct access_names *names, int64_t wall_ms, int64_t mono_us)
{
    names->seed = mix((uint64_t)wall_ms) ^ mix((uint64_t)mono_us) ^ mix((uint64_t)(uintptr_t)names);
    atomic_store(&names->next, 1);
}

/* 16 digits, by hand: this is done for every request, and snprintf takes longer than all else. */
static void write_hex(uint64_t value, char *ret_digits)
{
    for (int i = 15; i >= 0; i--) {
        ret_digits[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

static void make_id(struct access_names *names, char ret_id[ACCESS_ID_MAX + 1])
{
    uint64_t number = atomic_fetch_add_explicit(&names->next, 1, memory_order_relaxed);

    write_hex(mix(names->seed), ret_id);
    write_hex(mix(names->seed + number * UINT64_C(0x9E3779B97F4A7C15)), ret_id + 16);
    ret_id[32] = '\0';
}

static void copy_cut(const char *text, char *ret_copy, size_t most)
{
    size_t length = strlen(text);

    length = length < most ? length : most;
    memcpy(ret_copy, text, length);
    ret_copy[length] = '\0';
}

bool access_id_valid(const char *id)
{
    static const char marks[] = "-_.:/+=@~";
    size_t length = 0;

    for (; id[length] != '\0' && length <= ACCESS_ID_MAX; length++) {
        char byte = id[length];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

        if (!letter && !(byte >= '0' && byte <= '9') && strchr(marks, byte) == NULL)
            return false;
    }
    return length >= 1 && length <= ACCESS_ID_MAX;
}

/* Lower-case hex digits, not all of them 0 when `some`. */
static bool is_hex(const char *at, size_t count, bool some)
{
    bool zero = true;

    for (size_t i = 0; i < count; i++) {
        if (!(at[i] >= '0' && at[i] <= '9') && !(at[i] >= 'a' && at[i] <= 'f'))
            return false;
        zero = zero && at[i] == '0';
    }
    return !some || !zero;
}

/* version-trace-parent-flags: 2, 32, 16 and 2 digits. */
bool access_traceparent_valid(const char *traceparent)
{
    size_t length = strlen(traceparent);

    if (length < ACCESS_TRACE_MAX || traceparent[2] != '-' || traceparent[35] != '-' ||
        traceparent[52] != '-')
        return false;
    if (!is_hex(traceparent, 2, false) || memcmp(traceparent, "ff", 2) == 0)
        return false;
    if (length > ACCESS_TRACE_MAX &&
        (memcmp(traceparent, "00", 2) == 0 || traceparent[ACCESS_TRACE_MAX] != '-'))
        return false;
    return is_hex(traceparent + 3, 32, true) && is_hex(traceparent + 36, 16, true) &&
           is_hex(traceparent + 53, 2, false);
}

enum api_method access_method(const char *method)
{
    if (strcmp(method, "GET") == 0)
        return API_GET;
    if (strcmp(method, "HEAD") == 0)
        return API_HEAD;
    return strcmp(method, "POST") == 0 ? API_POST : API_OTHER;
}

void access_begin(struct access *access, struct access_names *names, const char *method,
                  const char *request_id, const char *traceparent)
{
    copy_cut(method, access->method, ACCESS_METHOD_MAX);
    if (request_id != NULL && access_id_valid(request_id))
        copy_cut(request_id, access->request_id, ACCESS_ID_MAX);
    else
        make_id(names, access->request_id);
    if (traceparent != NULL && access_traceparent_valid(traceparent))
        copy_cut(traceparent, access->traceparent, ACCESS_TRACE_MAX);
}

void access_answer(struct access *access, const struct api_response *response)
{
    access->status = response->status;
    access->route = response->route;
    access->bytes =
        response->status == 304 || strcmp(access->method, "HEAD") == 0 ? 0 : response->body_length;
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The only way to allocate. Every function can return NULL, and every caller
 * handles it: a server must survive one huge request.
 *
 * What comes from here is freed with mem_free() or free().
 * Threads: any. mem_fail_at() is per thread, mem_fail_anywhere() for all of them;
 * both are for tests.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/** Zeroed memory. A size of 0 gives a valid pointer. */
void *mem_zalloc(size_t size) MUST_CHECK;
/** Not zeroed; for buffers that are written before they are read. */
void *mem_alloc(size_t size) MUST_CHECK;
/** Zeroed array; NULL if count * size overflows. */
void *mem_array(size_t count, size_t size) MUST_CHECK;
void *mem_dup(const void *p, size_t size) MUST_CHECK;
char *mem_strdup(const char *s) MUST_CHECK;
/** @p len bytes of @p s and a NUL. */
char *mem_strndup(const char *s, size_t len) MUST_CHECK;
char *mem_printf(const char *fmt, ...) PRINTF(1, 2) MUST_CHECK;
char *mem_vprintf(const char *fmt, va_list args) PRINTF(1, 0) MUST_CHECK;

/**
 * Make room for at least @p need elements of @p size bytes.
 *
 * @param[in,out] array Address of the array's pointer; may move.
 * @param[in,out] capacity In elements; grows by half or to @p need.
 * @return False if there is no memory; the array is as it was.
 */
bool mem_grow(void *array, size_t *capacity, size_t need,
	      size_t size) MUST_CHECK;

void mem_free(void *p);

/** Bytes of ours that nobody is to touch now, such as what lies behind the last
 * one held in a buffer that is used again: builds with AddressSanitizer complain
 * of whoever does, others do nothing. Freeing them is allowed. */
void mem_hide(const void *p, size_t size);
void mem_show(const void *p, size_t size);

/** Tests: the @p n th allocation from now on (1 is the next) in this thread
 * fails, and only that one. 0 switches it off. */
void mem_fail_at(unsigned long n);
/** Tests: likewise, counted over all threads. */
void mem_fail_anywhere(unsigned long n);
/** Tests: did the failure asked for happen? */
bool mem_fail_happened(void);

#endif

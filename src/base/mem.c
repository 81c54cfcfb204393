/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, size)   ((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#endif

#include "base/mem.h"

static _Thread_local unsigned long fail_countdown;
static _Thread_local bool fail_happened;
static _Atomic long countdown_anywhere;
static _Atomic bool happened_anywhere;

static bool must_fail(void)
{
	/* Who comes behind the one that fails may count on, below 0. */
	if (atomic_load_explicit(&countdown_anywhere, memory_order_relaxed) >
		    0 &&
	    atomic_fetch_sub(&countdown_anywhere, 1) == 1) {
		atomic_store(&happened_anywhere, true);
		errno = ENOMEM;
		return true;
	}
	if (!fail_countdown)
		return false;
	if (--fail_countdown)
		return false;
	fail_happened = true;
	errno = ENOMEM;
	return true;
}

void mem_fail_at(unsigned long n)
{
	fail_countdown = n;
	fail_happened = false;
}

void mem_fail_anywhere(unsigned long n)
{
	atomic_store(&happened_anywhere, false);
	atomic_store(&countdown_anywhere, (long)n);
}

bool mem_fail_happened(void)
{
	return fail_happened || atomic_load(&happened_anywhere);
}

void *mem_alloc(size_t size)
{
	if (must_fail())
		return NULL;
	return malloc(size ? size : 1);
}

void *mem_zalloc(size_t size)
{
	return mem_array(1, size);
}

void *mem_array(size_t count, size_t size)
{
	if (must_fail())
		return NULL;
	return calloc(count ? count : 1, size ? size : 1);
}

void *mem_dup(const void *p, size_t size)
{
	void *copy = mem_alloc(size);

	if (copy && size)
		memcpy(copy, p, size);
	return copy;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s) + 1);
}

char *mem_strndup(const char *s, size_t len)
{
	char *copy = mem_alloc(len + 1);

	if (copy) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}

char *mem_vprintf(const char *fmt, va_list args)
{
	char *s;

	if (must_fail() || vasprintf(&s, fmt, args) < 0)
		return NULL;
	return s;
}

char *mem_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	char *s = mem_vprintf(fmt, args);
	va_end(args);
	return s;
}

bool mem_grow(void *array, size_t *capacity, size_t need, size_t size)
{
	void **p = array;

	if (need <= *capacity)
		return true;
	size_t wanted = *capacity + *capacity / 2;
	if (wanted < need)
		wanted = need;
	if (wanted > SIZE_MAX / size || must_fail())
		return false;
	void *bigger = realloc(*p, wanted * size);
	if (!bigger)
		return false;
	*p = bigger;
	*capacity = wanted;
	return true;
}

void mem_free(void *p)
{
	free(p);
}

void mem_hide(const void *p, size_t size)
{
	ASAN_POISON_MEMORY_REGION(p, size);
}

void mem_show(const void *p, size_t size)
{
	ASAN_UNPOISON_MEMORY_REGION(p, size);
}

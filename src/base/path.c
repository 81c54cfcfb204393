/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "base/path.h"

/* Drop the last segment of out[0..len); false if there is none to drop. */
static bool drop_segment(const char *out, size_t root, size_t *len)
{
	size_t n = *len;

	if (n == root)
		return false;
	while (n > root && out[n - 1] != '/')
		n--;
	/* A ".." kept at the front of a relative path is not a segment. */
	if (!strncmp(out + n, "..", 2) && *len - n == 2)
		return false;
	*len = n > root ? n - 1 : n;
	return true;
}

char *path_canonical(const char *path)
{
	size_t size = strlen(path) + 1;
	char *out = mem_alloc(size + 1);
	size_t root = path[0] == '/';
	size_t len = root;

	if (!out)
		return NULL;
	out[0] = '/';
	for (const char *p = path; *p;) {
		const char *end = strchrnul(p, '/');
		size_t n = (size_t)(end - p);

		if (n == 0 || (n == 1 && p[0] == '.')) {
			/* nothing */
		} else if (n == 2 && !memcmp(p, "..", 2) &&
			   (drop_segment(out, root, &len) || root)) {
			/* dropped, or already at the root */
		} else {
			if (len > root)
				out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p = *end ? end + 1 : end;
	}
	out[len] = '\0';
	return out;
}

static bool is_dots(const char *part, size_t n, size_t dots)
{
	return n == dots && !memcmp(part, "..", n);
}

bool path_is_form_of(const char *path, size_t size, const char *canonical)
{
	/* What has not been compared yet. */
	size_t left = strlen(canonical);
	size_t up = 0; /* segments that a ".." behind them takes away */

	left -= left == 1; /* the root: no segment */
	while (size) {
		if (path[size - 1] == '/') {
			size--;
			continue;
		}
		const char *slash = memrchr(path, '/', size);
		const char *part = slash ? slash + 1 : path;
		size_t n = size - (size_t)(part - path);

		size = slash ? (size_t)(slash - path) : 0;
		if (is_dots(part, n, 1))
			continue;
		if (is_dots(part, n, 2)) {
			up++;
			continue;
		}
		if (up) {
			up--;
			continue;
		}
		if (left < n + 1 || canonical[left - n - 1] != '/' ||
		    memcmp(canonical + left - n, part, n) != 0)
			return false;
		left -= n + 1;
	}
	return left == 0;
}

bool path_is_beneath(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1 && dir[0] == '/')
		return path[0] == '/';
	return !strncmp(path, dir, n) && (path[n] == '/' || path[n] == '\0');
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool path_has_suffix(const char *path, const char *suffix)
{
	size_t n = strlen(path);
	size_t m = strlen(suffix);

	return n >= m && !memcmp(path + n - m, suffix, m);
}

char *path_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);

	return mem_printf("%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/",
			  name);
}

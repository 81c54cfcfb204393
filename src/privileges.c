/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "index/index.h"
#include "privileges.h"
#include "worker/sandbox.h"

enum { CAPABILITIES_MAX = 64, ID_MAX = INT32_MAX };

struct user {
	const char *name;  /* as it was asked for, for messages; borrowed */
	const char *login; /* of the password file; NULL: a bare number */
	uid_t uid;
	gid_t gid;
};

/* A number, or -1. */
static long number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text && !*end && n >= 0 && n <= ID_MAX ? n : -1;
}

static struct error *find_user(const char *name, struct user *ret)
{
	const struct passwd *pw = getpwnam(name);
	long uid = number(name);

	if (!pw && uid >= 0)
		pw = getpwuid((uid_t)uid);
	if (!pw && uid < 0)
		return error_new(BAD_REQUEST, "--user: no user \"%s\"", name);
	/* A number without a name has its group said. */
	ret->name = name;
	ret->login = pw ? pw->pw_name : NULL;
	ret->uid = pw ? pw->pw_uid : (uid_t)uid;
	ret->gid = pw ? pw->pw_gid : (gid_t)uid;
	return NULL;
}

static struct error *find_group(const char *name, struct user *ret)
{
	const struct group *gr = getgrnam(name);
	long gid = number(name);

	if (!gr && gid < 0)
		return error_new(BAD_REQUEST, "--user: no group \"%s\"", name);
	ret->gid = gr ? gr->gr_gid : (gid_t)gid;
	return NULL;
}

/* ---- Directories ---------------------------------------------------------- */

/* A directory just made. Whoever may write to its parent may have put something
 * else there since: a link is not followed, and what is another's is not given
 * away. The modes are these whatever the umask is. */
static struct error *set_owner(int parent, const char *name,
			       const struct user *owner, int *fd_ret)
{
	const mode_t mode = owner ? 0700 : 0755;
	CLEANUP_CLOSE int fd = openat(
		parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return error_errno("open");
	if (st.st_uid != geteuid())
		return error_new(IO, "it was replaced");
	if (fchmod(fd, mode) || (owner && fchown(fd, owner->uid, owner->gid)))
		return error_errno("set its rights");
	*fd_ret = steal_fd(&fd);
	return NULL;
}

/* From the directory *at to the one of that name in it, which is made if it is
 * missing: for @p owner, or for everybody to pass. */
static struct error *step(int *at, const char *name, const struct user *owner)
{
	int fd = openat(*at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && !mkdirat(*at, name, 0700))
		TRY(set_owner(*at, name, owner, &fd));
	if (fd < 0)
		return error_errno("make directory");
	if (*at != AT_FDCWD)
		close(*at);
	*at = fd;
	return NULL;
}

/* As root: make what is missing, for the user. */
static struct error *make_dir(const char *path, const struct user *u)
{
	CLEANUP_FREE char *copy = mem_strdup(path);
	CLEANUP_CLOSE int at =
		*path == '/' ? open("/", O_PATH | O_CLOEXEC) : AT_FDCWD;
	struct stat st;

	if (!copy)
		return error_no_memory;
	if (!stat(path, &st) || errno != ENOENT)
		return NULL;
	char *rest = copy, *name = strsep(&rest, "/");

	while (name) {
		char *next = strsep(&rest, "/");

		while (next && !*next)
			next = strsep(&rest, "/");
		if (*name)
			TRY(error_wrap(step(&at, name, next ? NULL : u), "%s",
				       path));
		name = next;
	}
	return NULL;
}

/* As the user. What root could not write to either, on a read-only file system,
 * is served as it is. */
static struct error *check_writable(const char *path, bool was, bool is,
				    const struct user *u)
{
	if (!was || is)
		return NULL;
	return error_new(BAD_REQUEST,
			 "--user: %s may not write to %s: change its owner, or "
			 "name another place",
			 u->name, path);
}

static bool is_writable(const char *dir)
{
	return !faccessat(AT_FDCWD, dir, R_OK | W_OK | X_OK, AT_EACCESS);
}

/* ---- Rights --------------------------------------------------------------- */

static struct error *become(const struct user *u)
{
	/* What no program may have that is executed from here on. The kernel
	 * knows fewer than these, and says so. */
	for (int i = 0; i < CAPABILITIES_MAX; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (u->login ? initgroups(u->login, u->gid) : setgroups(1, &u->gid))
		return error_errno("set the groups of %s", u->name);
	if (setresgid(u->gid, u->gid, u->gid) ||
	    setresuid(u->uid, u->uid, u->uid))
		return error_errno("become %s", u->name);
	if (!sandbox_drop_capabilities() ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_errno("give up capabilities");
	/* It is for good, or it is nothing. */
	if (!setuid(0) || !setgid(0))
		return error_new(IO, "--user: root could be had back");
#ifdef SANITIZED
	/* To look for leaks a process is traced by one of its own. */
	prctl(PR_SET_DUMPABLE, 1);
#endif
	return NULL;
}

static struct error *become_with_dirs(const struct settings *s,
				      const struct user *u)
{
	const char *place = index_place_path(s->state_dir);
	/* One that is a file has its directory already. */
	bool is_dir = place == s->state_dir;

	if (is_dir)
		TRY(make_dir(place, u));
	TRY(make_dir(s->cache_dir, u));
	bool had_dir = is_dir && is_writable(place);
	bool had_index = index_is_writable(s->state_dir);
	bool had_cache = is_writable(s->cache_dir);

	TRY(become(u));
	TRY(check_writable(place, had_dir, is_writable(place), u));
	TRY(check_writable(place, had_index, index_is_writable(s->state_dir),
			   u));
	return check_writable(s->cache_dir, had_cache,
			      is_writable(s->cache_dir), u);
}

struct error *privileges_drop(const struct settings *s)
{
	CLEANUP_FREE char *spec = NULL;
	struct user u;

	if (!s->user)
		return NULL;
	spec = mem_strdup(s->user);
	if (!spec)
		return error_no_memory;
	char *group = strchr(spec, ':');

	if (group)
		*group++ = '\0';
	TRY(find_user(spec, &u));
	if (group)
		TRY(find_group(group, &u));
	if (!u.uid)
		return error_new(BAD_REQUEST,
				 "--user: %s is root; leave the option out to "
				 "stay root",
				 spec);
	if (geteuid() == u.uid && getegid() == u.gid)
		return NULL;
	if (geteuid() != 0)
		return error_new(BAD_REQUEST, "--user: only root can become %s",
				 spec);
	TRY(become_with_dirs(s, &u));
	log_info("privileges", "dropped", LOG_S("user", s->user),
		 LOG_U("uid", u.uid), LOG_U("gid", u.gid));
	return NULL;
}

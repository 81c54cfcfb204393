# Migrations, in order; the file's number is its PRAGMA user_version. The
# build makes C strings of them with sed.
INDEX_MIGRATIONS = \
	schema/index/0001_init.sql \
	schema/index/0002_source_pending.sql \
	schema/index/0003_root.sql \
	schema/index/0004_split_unit.sql

EXTRA_DIST += schema/README.md schema/index/current.sql $(INDEX_MIGRATIONS)

src/index/migrations_sql.c: $(INDEX_MIGRATIONS) schema/local.mk
	$(AM_V_GEN)$(MKDIR_P) src/index; { \
	  echo '/* Made by schema/local.mk from schema/index. */'; \
	  echo '#include "config.h"'; \
	  echo '#include "index/migrate.h"'; \
	  echo 'const char *const migrations[] = {'; \
	  for f in $(INDEX_MIGRATIONS); do \
	    sed -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n"/' "$(srcdir)/$$f" || exit 1; \
	    echo ','; \
	  done; \
	  echo '};'; \
	  echo 'const int migration_count = sizeof(migrations) / sizeof(*migrations);'; \
	} >$@.tmp && mv $@.tmp $@
CLEANFILES += src/index/migrations_sql.c

noinst_LIBRARIES += libworker.a
libworker_a_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS)
libworker_a_SOURCES = \
	src/worker/jobs.c src/worker/jobs.h \
	src/worker/pipe_command.c src/worker/pipe_command.h \
	src/worker/sandbox.c src/worker/sandbox.h \
	src/worker/sandbox_check.c src/worker/sandbox_check.h \
	src/worker/sandbox_seccomp.c \
	src/worker/scan_rule.c src/worker/scan_rule.h \
	src/worker/source_list.c src/worker/source_list.h \
	src/worker/symtab_job.c src/worker/symtab_job.h \
	src/worker/wire.c src/worker/wire.h \
	src/worker/work_assist.c src/worker/work_extract.c \
	src/worker/work_resolve.c src/worker/work_scan.c \
	src/worker/work_spool.c src/worker/work_spool.h \
	src/worker/work_symtab.c \
	src/worker/worker_limits.h \
	src/worker/worker_main.c src/worker/worker_main.h \
	src/worker/worker_pool.c src/worker/worker_pool.h \
	src/worker/worker_process.c src/worker/worker_process.h
WORKER_LIBS = libworker.a libscanners.a libsymbuild.a libsymtab.a $(IBERTY_LIBS) libelffacts.a $(CODEC_LIBS) $(ARCHIVE_LIBS) $(NETTLE_LIBS) $(SECCOMP_LIBS)

unit_tests += tests/unit/test_worker
tests_unit_test_worker_SOURCES = tests/unit/test_worker.c
tests_unit_test_worker_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_worker_LDADD = $(WORKER_LIBS) $(ELF_WRITER_LIBS) $(PKG_WRITER_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symtab_job
tests_unit_test_symtab_job_SOURCES = tests/unit/test_symtab_job.c
tests_unit_test_symtab_job_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_job_LDADD = $(WORKER_LIBS) $(ELF_WRITER_LIBS) $(CHECK_LIBS)

# A worker that was taken over, in the sandbox of ours.
unit_tests += tests/unit/test_sandbox
check_PROGRAMS += tests/lib/hostile_worker
tests_lib_hostile_worker_SOURCES = tests/lib/hostile_worker.c tests/lib/hostile.c tests/lib/hostile.h
tests_lib_hostile_worker_LDADD = $(WORKER_LIBS)
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c tests/lib/hostile.c tests/lib/hostile.h
tests_unit_test_sandbox_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_sandbox_LDADD = $(WORKER_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_worker
tests_unit_test_worker_SOURCES = tests/unit/test_worker.c
tests_unit_test_worker_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_worker_LDADD = $(WORKER_LIBS) $(ELF_WRITER_LIBS) $(PKG_WRITER_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symtab_job
tests_unit_test_symtab_job_SOURCES = tests/unit/test_symtab_job.c
tests_unit_test_symtab_job_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_job_LDADD = $(WORKER_LIBS) $(ELF_WRITER_LIBS) $(CHECK_LIBS)

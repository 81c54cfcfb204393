bin_PROGRAMS += symbolized
symbolized_SOURCES = \
	src/cmd_check.c src/cmd_debuginfod.c src/cmd_describe.c src/cmd_find.c src/cmd_resolve.c \
	src/cmd_scan.c \
	src/cmd_serve.c src/cmd_worker.c \
	src/command.h src/commands.h \
	src/config_options.h \
	src/debuginfod_line.c src/debuginfod_line.h \
	src/debuginfod_metrics.c src/debuginfod_metrics.h \
	src/debuginfod_said.c src/debuginfod_said.h \
	src/federation.c src/federation.h \
	src/import_debuginfod.c src/import_debuginfod.h \
	src/main.c \
	src/memory_dir.c src/memory_dir.h \
	src/privileges.c src/privileges.h \
	src/progress.c src/progress.h \
	src/one_worker.c src/one_worker.h \
	src/resolver.c src/resolver.h src/resolver_private.h \
	src/resolver_file.c src/resolver_index.c src/resolver_url.c \
	src/resolver_inputs.c src/resolver_inputs.h \
	src/roots.c \
	src/scanner_loop.c src/scanner_loop.h \
	src/serve.c src/serve.h \
	src/settings.c src/settings.h \
	src/shown.c \
	src/signals.c \
	src/split_files.c src/split_files.h
symbolized_LDADD = $(HTTP_LIBS) $(UPSTREAM_LIBS) libscan.a $(SYMBOLIZE_LIBS)

# The name belongs to elfutils where its server is installed, too.
if DEBUGINFOD_COMPAT
install-exec-hook:
	cd $(DESTDIR)$(bindir) && rm -f debuginfod$(EXEEXT) && \
		$(LN_S) symbolized$(EXEEXT) debuginfod$(EXEEXT)
uninstall-hook:
	rm -f $(DESTDIR)$(bindir)/debuginfod$(EXEEXT)
endif

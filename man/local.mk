# The pages are kept as they are read. Those with lists that the program knows
# are assembled from a .in by `make man`; tests/lint/man.sh fails when they are
# stale, so that building needs neither the program nor its tables for them.
man_assembled = man/symbolized.8 man/symbolized-serve.8 \
	man/symbolized-scan.8 man/symbolized-find.8 man/symbolized-resolve.8 \
	man/symbolized-check.8 \
	man/symbolized-metrics.7
dist_man_MANS += $(man_assembled) man/symbolized-api.7 man/symbolized-limits.7 \
	man/symbolized-debuginfod.8
EXTRA_DIST += man/assemble.sh $(man_assembled:=.in)

.PHONY: man
man: symbolized$(EXEEXT)
	$(MKDIR_P) man && for page in $(man_assembled); do \
		bash $(top_srcdir)/man/assemble.sh ./symbolized \
			$(top_srcdir)/$$page.in >$$page.new && \
		mv $$page.new $(top_srcdir)/$$page || exit 1; \
	done

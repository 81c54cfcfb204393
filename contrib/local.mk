# For distributions to install where they keep such files.
EXTRA_DIST += contrib/symbolized.service contrib/symbolized.sysusers

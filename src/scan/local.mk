noinst_LIBRARIES += libscan.a
libscan_a_SOURCES =

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# As peer-debuginfod.sh, with `symbolized debuginfod` and the very arguments that
# the peer is given.
export PEER_OURS="command"
exec bash "$(dirname "$0")/peer-debuginfod.sh"

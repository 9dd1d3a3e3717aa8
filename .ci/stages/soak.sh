#!/bin/bash
# The example's mail: Dovecot reads both trees after every kind of run; random trees, kills and
# renames by a reader for ten minutes. MAPISYNC_SOAK_SECONDS sets the time for random trees, and
# MAPISYNC_SOAK_SEED repeats them.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

provide dovecot dovecot-imapd
[ "$(id -u)" = 0 ] || { echo "Dovecot reads the mail of another user: run this stage as root" >&2; exit 1; }
tests=(cargo test -p send_receive --release --test soak -- --ignored --nocapture)
step "${tests[@]}" dovecot_
step "${tests[@]}" nothing_

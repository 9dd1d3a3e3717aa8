#!/bin/bash
# Instructions and memory compared with C++ and the other COM crates. Fails where a limit is exceeded.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

provide g++ g++ valgrind valgrind
step cargo clippy -p mapisync-benches --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" step cargo doc -p mapisync-benches --no-deps --document-private-items
step cargo test -p mapisync-benches --lib --bins
measured counts memory

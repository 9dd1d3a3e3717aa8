#!/bin/bash
# The crate's tests, other crates and C++ as 64-bit and 32-bit Windows programs, under Wine.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

messages() { (cd "$1" && find . -type f -path '*/[cn][ue][rw]/[!.]*' -exec sha256sum {} + | sort); }

provide x86_64-w64-mingw32-g++ g++-mingw-w64-x86-64-posix i686-w64-mingw32-g++ g++-mingw-w64-i686-posix
if ! { rustups x86_64-pc-windows-gnu && command -v wine >/dev/null; }; then
    toolchain
    if [ ! -x "$WT/bin/wine32" ] || [ ! -d "$WT/prefix32/drive_c" ] || [ ! -d "$WT/prefix64/drive_c" ]; then
        WT=$WT bash .ci/cross/setup.sh apt
        WT=$WT bash .ci/cross/setup.sh wine
    fi
fi
export MAPISYNC_FEWER_CASES=1
sample=examples/maildir_store/mailbox crates=(-p mapisync-interop-crates --test interop_crates)
for target in x86_64-pc-windows-gnu i686-pc-windows-gnu; do
    folder=$(mktemp -d)
    cross $target cargo run -p send_receive -- $sample "$folder/local"
    diff <(messages $sample) <(messages "$folder/local")
    rm -rf "$folder"
    cross $target cargo build -p wrapped_store --lib
done
crates+=(-p wrapped_store --test wrapped_store)
# These cover Windows' file names and the console. The skipped tests mostly wait for Wine's file
# system.
portable x86_64-pc-windows-gnu "${crates[@]}" -p maildir_store --test maildir -p send_receive --test send_receive -- \
    --skip a_killed_run_leaves_no_ --skip more_messages_than_ --skip responsive::
portable i686-pc-windows-gnu "${crates[@]}"
# Microsoft's bindings depend on the crate `windows`, which takes long to compile, so only one
# target.
tests x86_64-pc-windows-gnu cargo test -p mapisync-interop-cpp --features outlook --test outlook

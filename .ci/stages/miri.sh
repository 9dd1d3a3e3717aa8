#!/bin/bash
# The tests that Miri can run, in each of its modes and for a big-endian and a 32-bit target; fails
# where nightly has no Miri. Then those with threads under many schedules: at a low preemption rate, a
# thread runs long enough to free an object that another thread still uses. The conformance kit makes
# hundreds of runs, so it is left out of these.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

# interpreted MIRIFLAGS OPTION…: runs tests under Miri. The log shows the flags, which reproduce a
# failure.
interpreted() { step env MIRIFLAGS="$1" cargo +nightly miri test -p mapisync "${@:2}"; }

threads=(--lib)
if ! version=$(cargo +nightly miri --version 2>/dev/null); then
    echo "nightly has no Miri. Where rustup can fetch it: rustup toolchain install nightly --component miri,rust-src" >&2
    exit 1
fi
echo "$version"
for flags in "" -Zmiri-tree-borrows -Zmiri-strict-provenance -Zmiri-symbolic-alignment-check; do
    interpreted "$flags" --lib --tests
done
for target in s390x-unknown-linux-gnu i686-pc-windows-gnu; do
    interpreted "" --lib --tests --target "$target"
done
for name in object random_programs runs testing; do threads+=(--test "$name"); done
for rate in 0.002 0.01; do
    for seed in {0..15}; do
        interpreted "-Zmiri-preemption-rate=$rate -Zmiri-seed=$seed" "${threads[@]}" -- --skip conformance::
    done
done

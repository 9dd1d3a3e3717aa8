#!/bin/bash
# Loom's models, sanitizers, memcheck and the fuzz corpora: undefined behavior, races, leaks.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

# Runs the crate's code with loom's atomics and locks and the event for loom. The models set
# their own bounds, so no limit may be set.
# shellcheck disable=SC2030 # for these commands alone
models() (
    unset LOOM_MAX_PREEMPTIONS LOOM_MAX_DURATION LOOM_MAX_PERMUTATIONS
    export RUSTFLAGS="--cfg mapisync_loom"
    step cargo clippy -p mapisync --lib --profile test --target-dir target/loom -- -D warnings
    local log
    log=$(step cargo test -p mapisync --release --lib --target-dir target/loom loom_tests)
    printf '%s\n' "$log"
    # A filter that matches no test must fail.
    local models
    models=$(cat src/*/loom_tests.rs | grep -c '^#\[test\]')
    grep -q "^test result: ok. $models passed" <<<"$log"
)

# sanitized NAME TOOLCHAIN: runs the crate's own tests, and those with C and C++, which clang
# compiles with the same sanitizer. Then runs each deliberate fault, which the sanitizer must
# report.
# shellcheck disable=SC2031 # for these commands alone
sanitized() (
    export CARGO_BUILD_TARGET=x86_64-unknown-linux-gnu CARGO_TARGET_DIR=target/$1
    # The libraries in C and C++ find the sanitizer's runtime in the program that loads them.
    export RUSTFLAGS="-Zsanitizer=$1 -Clink-arg=-rdynamic"
    local both=(-p mapisync -p mapisync-interop-cpp)
    step "$2" build "${both[@]}" --example conform --example layout --example minimal_provider --example own_interface
    step "$2" test "${both[@]}" "${OWN_TESTS[@]}" --test interop_cpp
    step "$2" rustc -p mapisync --profile test --test sanitizer_canaries -- --cfg mapisync_fault
    local canaries
    canaries=$(find "target/$1" -path '*/deps/sanitizer_canaries-*' ! -name '*.d' -printf '%T@ %p\n' | sort -n | tail -n 1)
    canaries=${canaries#* }
    case $1 in
    address)
        # The model of the example's store: the corpus of its fuzz target, and random programs.
        step "$2" test -p maildir_store --test random_trees
        seen "AddressSanitizer: heap-use-after-free" "$canaries" --exact address
        seen "LeakSanitizer: detected memory leaks" "$canaries" --exact leak
        MAPISYNC_FAULT=1 seen "AddressSanitizer: heap-use-after-free" "$2" test "${both[@]}" --test interop_cpp
        ;;
    thread) seen "ThreadSanitizer: data race" "$canaries" --exact thread ;;
    esac
)

# nightly COMMAND…: runs cargo with rustup's nightly, or with the private toolchain as a nightly.
nightly() {
    if cargo +nightly -V >/dev/null 2>&1; then
        cargo +nightly "$@"
    else
        sanitizers
        (private && RUSTC_BOOTSTRAP=1 cargo "$@")
    fi
}

# rebuilding COMMAND…: runs cargo with a std that is built with the same options, as ThreadSanitizer
# requires. It uses the private toolchain, because not every nightly has the source of std.
rebuilding() {
    sanitizers
    (private && RUSTC_BOOTSTRAP=1 cargo "$1" -Zbuild-std=std,panic_unwind,test,proc_macro "${@:2}")
}

sanitizers() {
    toolchain
    ls "$WT"/rust/usr/lib/rustlib/x86_64-unknown-linux-gnu/lib/librustc-*_rt.tsan.a >/dev/null 2>&1 ||
        WT=$WT bash .ci/cross/setup.sh tsan
}

# seen PATTERN COMMAND…: fails unless the command fails and prints the pattern.
seen() {
    local log
    log=$(mktemp)
    echo "::: seen? $*"
    if "${@:2}" >"$log" 2>&1 || ! grep -q "$1" "$log"; then
        tail -n 50 "$log"
        echo "the fault was not reported: $1" >&2
        return 1
    fi
    rm "$log"
}

provide g++ g++ clang-14 clang-14 valgrind valgrind
export MAPISYNC_FEWER_CASES=1
models
sanitized address nightly
sanitized thread rebuilding
(
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind -q --error-exitcode=9 --leak-check=full \
        --show-leak-kinds=definite --errors-for-leak-kinds=definite"
    memcheck=(cargo test -p mapisync-interop-cpp --test interop_cpp --test handles)
    step "${memcheck[@]}"
    MAPISYNC_FAULT=1 seen "Invalid read of size" "${memcheck[@]}"
)
fuzz=(--manifest-path fuzz/Cargo.toml)
step cargo fmt "${fuzz[@]}" --check
step cargo clippy "${fuzz[@]}" --locked --all-targets --target-dir target/fuzz -- -D warnings

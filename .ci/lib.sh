#!/bin/bash
# What the stages share. Each `.ci/stages/STAGE.sh` begins with it, in the root of the repository.
# shellcheck disable=SC2034 # the stages use the variables
export CARGO_TERM_COLOR=never
# Everything is built once, and backtraces need only line numbers. This saves a quarter of the time.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only
# Some tests are skipped if the system lacks a feature (the program `script`, namespaces for a small
# disk). Here they must run.
export MAPISYNC_EVERY_TEST=1
MSRV=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
WT=${WT:-$HOME/.cache/mapisync-cross}
# The options that select the crate's own tests. They run without the feature `tracing`, as most
# users build the crate, so its test is left out.
OWN_TESTS=(--lib)
for file in tests/*.rs tests/*/main.rs; do
    name=${file%/main.rs} name=${name##*/} name=${name%.rs}
    [ "$name" = tracing ] || OWN_TESTS+=(--test "$name")
done

step() { # step COMMAND…: runs it, and prints it and the seconds that it took
    local code since=$SECONDS
    echo "::: $*"
    "$@"
    code=$?
    echo "::: $((SECONDS - since)) s"
    return $code
}

need() { # need COMMAND PACKAGE: fails if the command is missing, and names the package
    command -v "$1" >/dev/null || { echo "$1 is missing: install the Debian package $2" >&2; exit 1; }
}

provide() { # provide COMMAND PACKAGE…: installs the packages of the missing commands
    local missing=()
    while [ $# != 0 ]; do command -v "$1" >/dev/null || missing+=("$2"); shift 2; done
    [ ${#missing[@]} = 0 ] || install "${missing[@]}"
}

install() { # install PACKAGE…: fails, and names the packages, if it cannot install them
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Install the Debian packages: $*" >&2
        exit 1
    fi
    apt-get update -q || true # a missing list matters only if the installation fails
    DEBIAN_FRONTEND=noninteractive step apt-get install -y -q --no-install-recommends "$@" || {
        echo "The Debian packages could not be installed: $*" >&2
        exit 1
    }
}

# cross TARGET COMMAND…: runs cargo for another target, with rustup's std if it is installed,
# otherwise with the private toolchain of .ci/cross, which is kept between runs.
cross() {
    local target=$1 environment=usual
    shift
    if ! rustups "$target"; then
        environment=private
        toolchain
        [ -d "$WT/rust/usr/lib/rustlib/$target/lib" ] || WT=$WT bash .ci/cross/setup.sh std "$target"
    fi
    # Backtraces are off for these targets, so debug information is not used.
    ($environment && CARGO_PROFILE_DEV_DEBUG=0 CARGO_BUILD_TARGET=$target CARGO_TARGET_DIR=target/cross step "$@")
}

private() {
    # shellcheck disable=SC1091
    . "$WT/env.sh"
    # This option links a library that the crate `com` does not link. Our users do not have the
    # option, so it must not be set here.
    unset CARGO_TARGET_I686_PC_WINDOWS_GNU_RUSTFLAGS
}

rustups() { [ -d "$(rustc --print target-libdir --target "$1")" ]; }

# Makes the private toolchain, without std for other targets.
toolchain() {
    if [ ! -x "$WT/bin/rustc" ] || ! "$WT/bin/rustc" -V >/dev/null 2>&1; then
        need dpkg-deb dpkg
        install libz3-4 libedit2 libxml2
        WT=$WT bash .ci/cross/setup.sh rust
    fi
}

# Sets linkers and emulators under their usual names, for rustup's targets. Variables that are
# already set stay.
usual() {
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=${CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER:-wine}
    export CARGO_TARGET_I686_PC_WINDOWS_GNU_RUNNER=${CARGO_TARGET_I686_PC_WINDOWS_GNU_RUNNER:-wine}
    local linker=CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER runner=CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER
    export $linker="${!linker:-aarch64-linux-gnu-gcc}" $runner="${!runner:-qemu-aarch64 -L /usr/aarch64-linux-gnu}"
    linker=CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER runner=CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER
    export $linker="${!linker:-s390x-linux-gnu-gcc}" $runner="${!runner:-qemu-s390x -L /usr/s390x-linux-gnu}"
    # g++-12-multilib lacks a folder of headers that the 64-bit compiler has.
    local flags="-idirafter /usr/include/x86_64-linux-gnu"
    export CFLAGS_i686_unknown_linux_gnu=${CFLAGS_i686_unknown_linux_gnu:-$flags}
    export CXXFLAGS_i686_unknown_linux_gnu=${CXXFLAGS_i686_unknown_linux_gnu:-$flags}
    export RUST_BACKTRACE=0
}

# tests TARGET COMMAND…: like cross, for tests. It also fails if a program has started and printed
# no result: under Wine a program that cannot start may exit with 0.
tests() {
    local log
    log=$(mktemp)
    cross "$@" 2>&1 | tee "$log"
    awk '
        /^ +Running |^ +Doc-tests / { if (waiting) bad = bad "\n" program; waiting = 1; program = $0 }
        /^test result: ok/ { waiting = 0 }
        END { if (waiting) bad = bad "\n" program; if (bad) { print "no result of:" bad; exit 1 } }
    ' "$log"
    rm "$log"
}

# portable TARGET OPTION…: runs the crate's own tests, and those with C and C++ on either side, on
# another target. Each OPTION adds packages or tests. The example's mail, rustdoc's examples and the
# comparisons with other compilers are the same everywhere, so only the native tests cover them.
portable() {
    # Both commands select the same packages, so that everything is compiled once.
    local target=$1 packages=(-p mapisync -p mapisync-interop-cpp)
    cross "$target" cargo build "${packages[@]}" -p provider_dll --lib --example conform --example layout \
        --example minimal_provider --example own_interface --example unload
    tests "$target" cargo test "${packages[@]}" "${OWN_TESTS[@]}" --test interop_cpp --test provider_dll --test unload \
        --test conform "${@:2}"
}

# measured PART…: measures parts of benches/README.md. The programs are built as users build theirs.
measured() (
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUST_BACKTRACE CFLAGS CXXFLAGS CARGO_INCREMENTAL CARGO_PROFILE_DEV_DEBUG
    step cargo run --release -p mapisync-benches -- "$@"
)

need cargo "rustup (or cargo)"
need cc gcc
need script bsdutils
need unshare util-linux

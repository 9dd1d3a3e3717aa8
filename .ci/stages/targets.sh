#!/bin/bash
# The crate's tests and C++ on 32-bit x86, ARM64 and big-endian Linux; assertions for Microsoft's and
# Apple's targets.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

# checked STD WHAT TARGET…: type-checks for targets. For those that rustup does not have, it checks
# std from its source. The results are kept with the toolchain, because std takes much longer than
# the crate.
checked() {
    local target all=() what
    read -ra what <<<"$2"
    for target in "${@:3}"; do
        if rustups "$target"; then step cargo check "${what[@]}" --target "$target"; else all+=(--target "$target"); fi
    done
    if [ ${#all[@]} != 0 ]; then
        toolchain
        (private && RUSTC_BOOTSTRAP=1 step cargo check "${what[@]}" -Zbuild-std="$1" "${all[@]}" --target-dir "$WT/checked")
    fi
}

provide g++ g++
echo 'int main() {}' | g++ -m32 -x c++ - -o /dev/null 2>/dev/null || install g++-12-multilib libc6-dev-i386
provide qemu-aarch64 qemu-user qemu-s390x qemu-user \
    aarch64-linux-gnu-g++ g++-aarch64-linux-gnu s390x-linux-gnu-g++ g++-s390x-linux-gnu
for arch in i686 aarch64 s390x; do
    [ $arch = i686 ] || export MAPISYNC_FEWER_CASES=1 MAPISYNC_EMULATOR="qemu-$arch -L /usr/$arch-linux-gnu"
    portable "$arch"-unknown-linux-gnu
done

# These are only type-checked, which evaluates the assertions of the layouts. Nothing is linked.
# For Microsoft's targets std is left out, because checking it takes minutes. The other stages
# run all code that needs std.
checked core,alloc "-p mapisync --lib --no-default-features --features com" \
    x86_64-pc-windows-msvc i686-pc-windows-msvc aarch64-pc-windows-msvc
checked "std,panic_unwind,test,proc_macro" "--lib --bins --tests --examples" aarch64-apple-darwin

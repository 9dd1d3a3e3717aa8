#!/bin/bash
# Other compilers: the header, layouts and stacks by clang; C and C++ objects on either side.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

provide g++ g++ clang-14 clang-14 x86_64-w64-mingw32-g++ g++-mingw-w64-x86-64-posix \
    i686-w64-mingw32-g++ g++-mingw-w64-i686-posix i686-w64-mingw32-objdump binutils-mingw-w64-i686
[ -e /usr/include/wsl/winadapter.h ] || install directx-headers-dev
[ -e /usr/include/wine/wine/windows/windows.h ] || install libwine-dev
# Our own thunks, built for 32-bit Windows without and with optimization.
libraries='' thunks=(cross i686-pc-windows-gnu cargo build -p mapisync-interop-cpp --example thunks)
"${thunks[@]}"
"${thunks[@]}" --release
for profile in debug release; do
    libraries+=$PWD/target/cross/i686-pc-windows-gnu/$profile/examples/thunks.dll:
done
step cargo build -p mapisync-interop-cpp -p provider_dll --examples --lib
step cargo build -p mapisync --example conform
MAPISYNC_I686_THUNKS=${libraries%:} step cargo test -p mapisync-interop-cpp
step cargo clippy -p mapisync-interop-cpp --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" step cargo doc -p mapisync-interop-cpp --no-deps

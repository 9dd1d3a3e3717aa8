#!/bin/bash
# Times compared with C++ and the other COM crates. Never fails because of a figure.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

provide g++ g++ valgrind valgrind
measured time

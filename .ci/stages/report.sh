#!/bin/bash
# Time, builds, sizes and the example's mail compared with others. Never fails because of a figure.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

provide g++ g++ valgrind valgrind
measured time builds mail

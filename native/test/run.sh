#!/bin/sh
# Compiles the C++ tests with sanitizers (address, undefined behaviour, threads) and runs them. VNET_SEED: another seed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${VNET_TEST_OUT:-$here/../build/test}
memory=address,undefined
mkdir -p "$out"
build() {
  name=$1
  sanitizers=$2
  shift 2
  sources=
  for source in "$@"; do sources="$sources $here/../src/$source.cpp"; done
  # shellcheck disable=SC2086
  ${CXX:-g++} -std=c++20 -O1 -g -Wall -Wextra -fsanitize=$sanitizers -fno-sanitize-recover=all \
    -o "$out/$name" "$here/$name.cpp" $sources
  "$out/$name"
}
build wire_test "$memory" wire
build handshake_test "$memory" handshake siphash
build fragment_test "$memory" fragment sys
build flow_cache_test "$memory" flow_cache pending sys
build record_test "$memory" record sequence arrival_clock loop sys
build echo_test "$memory" echo sys
build link_filter_test "$memory" link_filter sys
build segment_test "$memory" segment checksum mss coalesce sys
# The whole plane without its N-API side, for races. Compiled two at a time: it is many files.
mkdir -p "$out/thread"
(cd "$here/../src" && ls ./*.cpp) | sed 's/^\.\///; s/\.cpp$//' | grep -v -e '^addon$' -e '^values' |
  xargs -P 2 -I{} ${CXX:-g++} -std=c++20 -O1 -g -fsanitize=thread -c -o "$out/thread/{}.o" "$here/../src/{}.cpp"
for name in plane_test link_test messages_test; do
  ${CXX:-g++} -std=c++20 -O1 -g -fsanitize=thread -pthread -o "$out/$name" "$here/$name.cpp" "$out"/thread/*.o
  "$out/$name"
done

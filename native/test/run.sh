#!/bin/sh
# Compiles the C++ tests with the address and undefined-behaviour sanitizers and runs them. VNET_SEED: another seed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${VNET_TEST_OUT:-$here/../build/test}
mkdir -p "$out"
build() {
  name=$1
  shift
  sources=
  for source in "$@"; do sources="$sources $here/../src/$source.cpp"; done
  # shellcheck disable=SC2086
  ${CXX:-g++} -std=c++20 -O1 -g -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all \
    -o "$out/$name" "$here/$name.cpp" $sources
  "$out/$name"
}
build wire_test wire
build handshake_test handshake siphash
build fragment_test fragment sys
build flow_cache_test flow_cache sys
build segment_test segment checksum mss coalesce sys

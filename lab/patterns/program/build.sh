#!/bin/sh
# Builds the generator into build/patterns beside this script. Needs g++ 11 or newer, nothing else. Static where the
# machine has the libraries for it, so that the program runs in a guest system that has none.
# CXX and CXXFLAGS are honoured. The result appears atomically, so two builds at once do no harm.
set -eu
cd "$(dirname "$0")"
mkdir -p build
out="build/patterns.$$"
trap 'rm -f "$out"' EXIT
compile() {
  ${CXX:-g++} -std=c++20 -O2 -Wall -Wextra -Wshadow ${CXXFLAGS:-} "$@" -o "$out" \
    main.cpp shape.cpp settings.cpp connection.cpp links.cpp superstep.cpp run.cpp meter.cpp work.cpp noise.cpp
}
compile -static 2>/dev/null || compile
mv -f "$out" build/patterns

#!/bin/sh
# Builds the lab's helper program into build/emulator beside this script. Needs g++ 11 or newer, nothing else.
# CXX and CXXFLAGS are honoured. The result appears atomically, so two builds at once do no harm.
set -eu
cd "$(dirname "$0")"
mkdir -p build
out="build/emulator.$$"
trap 'rm -f "$out"' EXIT
${CXX:-g++} -std=c++20 -O2 -Wall -Wextra -Wshadow ${CXXFLAGS:-} -o "$out" main.cpp delay.cpp probe.cpp load.cpp stream.cpp cross.cpp -pthread
mv -f "$out" build/emulator

#!/bin/sh
# Compiles as the arguments behind the first one say. What is the same in every simulation is
# compiled once for each set of options: Verilator's own library, and the headers that all other
# sources include. The first argument is the folder in which both are kept.
set -e
kept=$1
shift
for source in "$@"; do :; done
case $source in
*/include/verilated*.cpp)
    object=$(basename "$source" .cpp).o
    known=$kept/$(printf '%s\n' "$@" | sha256sum | cut -d ' ' -f 1)
    if [ ! -e "$known" ]; then
        "$@"
        cp "$object" "$known.$$"
        mv "$known.$$" "$known"
    fi
    cp "$known" "$object"
    exit
    ;;
esac
options=
for each in "$@"; do
    case $each in
    -[DIOfmp]*) options="$options $each" ;;
    esac
done
headers=$kept/$(printf '%s' "$options" | sha256sum | cut -d ' ' -f 1).h
if [ ! -e "$headers.gch" ]; then
    printf '#include <%s>\n' cstdint cstdio cstdlib vector verilated.h >"$headers.$$"
    # shellcheck disable=SC2086 # words of options
    "$1" $options -x c++-header -c "$headers.$$" -o "$headers.gch.$$"
    mv "$headers.$$" "$headers"
    mv "$headers.gch.$$" "$headers.gch"
fi
exec "$@" -include "$headers"

#!/bin/sh
# Compiles as the arguments behind the first one say, and keeps the objects: Verilator's own library
# is the same in every simulation, and many tests simulate an engine that another one has compiled.
# The headers that all other sources include are compiled once for each set of options. The first
# argument is the folder in which all of this is kept.
set -e
kept=$1
shift
for source in "$@"; do :; done
object=$(basename "$source" .cpp).o
case $source in
*/include/verilated*.cpp) read= ;;
*) read="$source $(echo ./*.cpp ./*.h)" ;;
esac
# shellcheck disable=SC2086 # names of files without blanks
known=$kept/$( (printf '%s\n' "$@" && cat $read) </dev/null | sha256sum | cut -d ' ' -f 1)
if [ -e "$known" ]; then
    exec cp "$known" "$object"
fi
if [ -z "$read" ]; then
    "$@"
else
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
    "$@" -include "$headers"
fi
cp "$object" "$known.$$"
mv "$known.$$" "$known"

#!/bin/sh
# Installs a program in a Python environment of its own, if it is not there.
#
#   .ci/own-python.sh SETTING PACKAGE==VERSION PROGRAM FOLDER
#
# The last line is the setting for tests: SETTING=<path of the program>.
set -eu

setting=$1 requirement=$2 program=$3 folder=$4

# Made last, so that an install that was interrupted is gone through again.
done="$folder/installed-${requirement#*==}"
if [ ! -f "$done" ]; then
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$requirement" >&2
    touch "$done"
fi
echo "$setting=$folder/bin/$program"

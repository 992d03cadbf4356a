#!/bin/sh
# The Azure CLI, in a Python environment of its own: its hundred libraries stay out of the project's.
#
#   .ci/az.sh          install it if needed; minutes the first time
#
# The last line is the setting for tests: ACIJOBS_AZ=<path of az>.
set -eu

folder=${ACIJOBS_AZ_DIR:-/tmp/acijobs-az}
version=2.91.0

# Made last, so that an install that was interrupted is gone through again.
done="$folder/installed-$version"
if [ ! -f "$done" ]; then
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "azure-cli==$version" >&2
    touch "$done"
fi
echo "ACIJOBS_AZ=$folder/bin/az"

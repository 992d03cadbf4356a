#!/bin/sh
# checkov, in a Python environment of its own: its hundred libraries stay out of the project's.
#
#   .ci/checkov.sh          install it if needed; a minute the first time
#
# The last line is the setting for tests: ACIJOBS_CHECKOV=<path of checkov>.
set -eu

folder=${ACIJOBS_CHECKOV_DIR:-/tmp/acijobs-checkov}
version=3.3.30

# Made last, so that an install that was interrupted is gone through again.
done="$folder/installed-$version"
if [ ! -f "$done" ]; then
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "checkov==$version" >&2
    touch "$done"
fi
echo "ACIJOBS_CHECKOV=$folder/bin/checkov"

#!/bin/sh
# checkov, in a Python environment of its own: its hundred libraries stay out of the project's.
#
#   .ci/checkov.sh          install it if needed; a minute the first time
#
# The last line is the setting for tests: ACIJOBS_CHECKOV=<path of checkov>.
set -eu

exec "${0%/*}/own-python.sh" ACIJOBS_CHECKOV checkov==3.3.30 checkov "${ACIJOBS_CHECKOV_DIR:-/tmp/acijobs-checkov}"

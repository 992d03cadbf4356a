#!/bin/sh
# The Azure CLI, in a Python environment of its own: its hundred libraries stay out of the project's.
#
#   .ci/az.sh          install it if needed; minutes the first time
#
# The last line is the setting for tests: ACIJOBS_AZ=<path of az>.
set -eu

exec "${0%/*}/own-python.sh" ACIJOBS_AZ azure-cli==2.91.0 az "${ACIJOBS_AZ_DIR:-/tmp/acijobs-az}"

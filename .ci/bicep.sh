#!/bin/sh
# The Bicep compiler, as released, known by its checksum.
#
#   .ci/bicep.sh          download it if needed
#
# The last line is the setting for tests: BICEP=<path of bicep>.
set -eu

folder=${ACIJOBS_BICEP_DIR:-/tmp/acijobs-bicep}
version=0.48.1
checksum=b09ec25a9d376c1f8e33ede6ed22b587f915ad68488d5db77a6f9541748c7f6e

is_right() { [ -f "$1" ] && echo "$checksum  $1" | sha256sum --check --status; }

mkdir -p "$folder"
compiler="$folder/bicep-$version"
if ! is_right "$compiler"; then
    url="https://github.com/Azure/bicep/releases/download/v$version/bicep-linux-x64"
    curl --fail --silent --show-error --location --retry 3 --output "$compiler.new" "$url"
    is_right "$compiler.new" || { echo "$url is not the file of checksum $checksum" >&2; exit 1; }
    chmod +x "$compiler.new"
    mv "$compiler.new" "$compiler"
fi
echo "BICEP=$compiler"

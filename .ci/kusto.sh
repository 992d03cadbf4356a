#!/bin/sh
# Kusto.Language, Microsoft's own parser and analyser of KQL, as it is published for JavaScript.
#
#   .ci/kusto.sh          install it if needed
#
# The last line is the setting for tests: ACIJOBS_KUSTO=<its folder>.
set -eu

folder=${ACIJOBS_KUSTO_DIR:-/tmp/acijobs-kusto}
version=12.4.1

package="$folder/node_modules/@kusto/language-service-next"
if ! grep -qs "\"$version\"" "$package/package.json"; then
    mkdir -p "$folder"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
        "@kusto/language-service-next@$version" >&2
fi
echo "ACIJOBS_KUSTO=$package"

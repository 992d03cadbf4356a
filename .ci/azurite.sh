#!/bin/sh
# Azurite, Microsoft's storage emulator, on free loopback ports.
#
#   .ci/azurite.sh          install it if needed, start it
#   .ci/azurite.sh stop     end it
#
# The last line is the setting for tests: ACIJOBS_AZURITE=<connection string>.
# 3.35.0 is the newest that runs on Node 20.
set -eu

folder=${ACIJOBS_AZURITE_DIR:-/tmp/acijobs-azurite}
version=3.35.0

if [ "${1:-}" = stop ]; then
    [ -f "$folder/pid" ] && kill "$(cat "$folder/pid")" 2>/dev/null
    rm -f "$folder/pid"
    exit 0
fi

mkdir -p "$folder"
[ -x "$folder/node_modules/.bin/azurite" ] ||
    npm install --silent --no-audit --no-fund --prefix "$folder" "azurite@$version" >&2
if [ -f "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; then
    cat "$folder/settings"
    exit 0
fi

set -- $(python3 - <<'PY'
import socket
probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(probe.getsockname()[1] for probe in probes))
PY
)
# In memory: on disk, all tables are written anew every few seconds, and nobody is answered meanwhile.
# (An engine's own is on disk: in memory each queue message is an extent, and all are collected each minute.)
setsid "$folder/node_modules/.bin/azurite" --silent --skipApiVersionCheck --disableTelemetry \
    --inMemoryPersistence --blobHost 127.0.0.1 --queueHost 127.0.0.1 --tableHost 127.0.0.1 \
    --blobPort "$1" --queuePort "$2" --tablePort "$3" </dev/null >"$folder/log" 2>&1 &
echo $! >"$folder/pid"

tries=0
until python3 -c "import socket; socket.create_connection(('127.0.0.1', $3), 1)" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done

# The account and key are Azurite's well-known ones, printed in its documentation.
key=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
echo "ACIJOBS_AZURITE=DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=$key;BlobEndpoint=http://127.0.0.1:$1/devstoreaccount1;QueueEndpoint=http://127.0.0.1:$2/devstoreaccount1;TableEndpoint=http://127.0.0.1:$3/devstoreaccount1;" |
    tee "$folder/settings"

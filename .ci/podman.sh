#!/bin/sh
# Podman, answering the Docker API on a local socket, with a busybox image that needs no registry.
#
#   .ci/podman.sh          install what is missing (apt, as root), start the service, import the image
#   .ci/podman.sh stop     end the service
#
# May be run again at any time. Works where systemd, a cgroup manager and crun are missing, as in many
# CI machines: runc (else crun), cgroupfs, and ulimits below what such a machine allows.
# The last line is the setting for clients: DOCKER_HOST=unix://...
set -eu

folder=${ACIJOBS_PODMAN_DIR:-/tmp/acijobs-podman}
socket=${ACIJOBS_PODMAN_SOCKET:-/tmp/acijobs-podman.sock}
image=${ACIJOBS_PODMAN_IMAGE:-localhost/acijobs/busybox:latest}
export CONTAINERS_CONF="$folder/containers.conf"
export CONTAINERS_REGISTRIES_CONF="$folder/registries.conf"

has_runtime() { command -v runc >/dev/null || command -v crun >/dev/null; }
has_static_busybox() { [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1; }

install_packages() {
    missing=
    command -v podman >/dev/null || missing="$missing podman"
    has_runtime || missing="$missing runc"
    has_static_busybox || missing="$missing busybox-static"
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "missing:$missing; install that and run this again" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # shellcheck disable=SC2086 - a list of packages
    apt-get install -qy --no-install-recommends $missing
    # Older releases have no such package: their Podman brings networks of another kind.
    apt-get install -qy --no-install-recommends netavark aardvark-dns iptables || true
}

write_configuration() {
    runtime=crun
    command -v runc >/dev/null && runtime=runc
    cat >"$CONTAINERS_CONF" <<CONF
[containers]
# A container may not ask for more than the machine's own limits.
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]

[engine]
runtime = "$runtime"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
    # As Docker does unasked: registries on this machine may speak plain http.
    cat >"$CONTAINERS_REGISTRIES_CONF" <<'CONF'
unqualified-search-registries = ["docker.io"]

[[registry]]
location = "127.0.0.1"
insecure = true
CONF
}

answers() {
    [ -S "$socket" ] && python3 - "$socket" <<'PY'
import socket, sys
with socket.socket(socket.AF_UNIX) as engine:
    engine.settimeout(5)
    try:
        engine.connect(sys.argv[1])
        engine.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
        sys.exit(b"200" not in engine.recv(64))
    except OSError:
        sys.exit(1)
PY
}

start_service() {
    answers && return
    rm -f "$socket"
    # Its folder is where conmon drops a file named `oom` when a container ran out of memory.
    (
        cd "$folder"
        exec setsid podman system service --time=0 "unix://$socket" \
            </dev/null >"$folder/service.log" 2>&1
    ) &
    echo $! >"$folder/service.pid"
    tries=0
    until answers; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ]; then
            echo "the podman service did not come up:" >&2
            cat "$folder/service.log" >&2
            exit 1
        fi
        sleep 0.1
    done
}

import_image() {
    podman image exists "$image" && return
    root=$(mktemp -d "$folder/root.XXXXXX")
    mkdir -p "$root/bin" "$root/etc" "$root/root" "$root/proc" "$root/sys" "$root/dev"
    mkdir -m 1777 "$root/tmp"
    cp /bin/busybox "$root/bin/busybox"
    for applet in $(/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    tar -C "$root" -cf "$folder/busybox.tar" .
    podman import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' "$folder/busybox.tar" "$image" >/dev/null
    rm -rf "$root" "$folder/busybox.tar"
}

stop_service() {
    [ -f "$folder/service.pid" ] || exit 0
    kill "$(cat "$folder/service.pid")" 2>/dev/null || true
    rm -f "$folder/service.pid" "$socket"
}

mkdir -p "$folder"
if [ "${1:-}" = stop ]; then
    stop_service
    exit 0
fi
install_packages
write_configuration
start_service
import_image
echo "DOCKER_HOST=unix://$socket"

#!/bin/bash
# Build the image on a base made of Debian's packages and run docker-compose.yml with it, where there
# is no Docker engine and no image registry. As root on Debian 12, with
#   apt-get install debootstrap podman runc netavark aardvark-dns iptables python3-venv curl
# Grafana is left out: Debian has no package of it. Takes some minutes, and 4 GB in /var/tmp.
set -euo pipefail
cd "$(dirname "$0")/.."
trial=$(mktemp -d /var/tmp/openhours-image.XXXXXX)
end() {
    { podman pod rm --all --force; podman rm --all --force; } &>/dev/null || true
    podman network rm --force openhours_default &>/dev/null || true
    rm -rf "$trial"
}
trap end EXIT

# A podman of its own: its images and volumes go when the trial ends.
export CONTAINERS_CONF=$trial/containers.conf CONTAINERS_STORAGE_CONF=$trial/storage.conf
printf '%s\n' '[containers]' 'default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]' \
    '[engine]' 'runtime = "runc"' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' \
    '[network]' 'network_backend = "netavark"' > "$CONTAINERS_CONF"
printf '%s\n' '[storage]' 'driver = "overlay"' "graphroot = \"$trial/images\"" \
    "runroot = \"$trial/run\"" > "$CONTAINERS_STORAGE_CONF"
build() { podman build --quiet --format docker --isolation chroot --network host "$@"; }
# Like Docker, no writable /run that nobody asked for.
compose() { "$trial/venv/bin/podman-compose" --podman-run-args=--read-only-tmpfs=false \
    -f docker-compose.yml -f tools/try_image/debian.yml "$@"; }
step() { printf '\n== %s\n' "$*"; }
wait_for() { for _ in {1..60}; do "$@" &>/dev/null && return; sleep 1; done; echo "never: $*"; exit 1; }

step the images
python3 -m venv "$trial/venv" && "$trial/venv/bin/pip" install --quiet podman-compose==1.6.0
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm \
    "$trial/debian" >/dev/null
tar -C "$trial/debian" -c . | podman import --quiet - localhost/debian-python && rm -r "$trial/debian"
# With this machine's certificates, of a proxy for example.
build --tag openhours --build-arg PYTHON_IMAGE=localhost/debian-python \
    --volume /etc/ssl/certs:/etc/ssl/certs:ro .
for name in postgres prometheus; do
    build --tag "localhost/debian-$name" --file "tools/try_image/$name.Dockerfile" tools/try_image
done

step the composition
export POSTGRES_PASSWORD=$(openssl rand -hex 24) GRAFANA_PASSWORD=unused
export OPENHOURS_ADMIN_KEY=$(openssl rand -hex 24)
compose up --no-build -d postgres
wait_for podman healthcheck run openhours_postgres_1 # podman without systemd does not do it itself
export OPENHOURS_METRICS_KEY=$(
    compose run --rm -T app openhours keys create --scope metrics --name prometheus)
compose up --no-build -d --scale worker=2 app worker prometheus
wait_for podman healthcheck run openhours_app_1

step the sample, a report, a page
ask() { curl --silent --show-error --fail -H "Authorization: Bearer $OPENHOURS_ADMIN_KEY" \
    "${@:2}" "http://127.0.0.1:18470$1"; }
ask /ingest/hours --data-binary @data/sample/menu_hours.csv
ask /ingest/timezones --data-binary @data/sample/timezones.csv
ask /ingest/status --data-binary @data/sample/store_status.csv.gz
loaded() { ask /ingestions | grep '"state":"complete".*"state":"complete".*"state":"complete"'; }
wait_for loaded
report=$(ask /trigger_report --request POST | cut -d '"' -f 4)
complete() { ask "/get_report?report_id=$report" | grep ^store_id; }
wait_for complete
ask "/get_report?report_id=$report" | head -3 || true
ask / -H 'Accept: text/html' | grep --max-count 1 '<title>'
scraped() { curl --silent http://127.0.0.1:18471/api/v1/targets | grep '"health":"up"'; }
wait_for scraped && echo Prometheus scrapes

step new containers on the same volumes, and who the processes are
podman pod rm --all --force >/dev/null # the volumes stay
compose up --no-build -d --scale worker=2 postgres app worker prometheus
wait_for podman healthcheck run openhours_app_1
complete >/dev/null && echo the report is still there
two_workers() { ask /health | grep '"workers":2'; }
wait_for two_workers && ask /health
for service in postgres app worker prometheus; do
    echo; echo "$service: $(podman exec "openhours_${service}_1" sh -c \
        'id -un; grep -E "CapBnd|NoNewPrivs" /proc/1/status; touch /x 2>&1 || true' | tr '\n\t' '  ')"
done

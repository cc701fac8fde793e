#!/bin/sh
# Brings an image into service on one machine without downtime: a container of the idle color is started, and switch.sh beside this
# file leads the requests of Caddy to it, watches it, and leads them back when it is unfit. docs/guides/pipelines.md has the setup.
#
#   release-image.sh <repository>@sha256:<digest>
#   release-image.sh back                           to the release before, whose container is kept
#
# It is the one program that the key of a workflow may run, so it accepts no image of another repository.
#
# Exit codes: 0 the release has the requests; 1 it does not, and the release before goes on; 2 wrong usage.
#
# Settings come from the file that SWITCH_SETTINGS names, as those of switch.sh do:
#   IMAGE_REPOSITORY   the only repository that is accepted, such as ghcr.io/example/latchkey
#   ENGINE             docker, or podman
#   SETTINGS_FILE      settings of Latchkey as the engine reads them: one in a line, without quotes
#   SECRETS_DIRECTORY  the files kek, database-url and smtp-url, readable for the user 65532
set -eu

usage() {
  echo 'usage: release-image.sh <repository>@sha256:<digest>|back' >&2
  exit 2
}

[ $# -eq 1 ] || usage
image=$1
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)

settings=${SWITCH_SETTINGS:-/etc/latchkey/switch.env}
if [ -r "$settings" ]; then
  set -a
  # shellcheck source=/dev/null
  . "$settings"
  set +a
fi
ENGINE=${ENGINE:-docker}
SETTINGS_FILE=${SETTINGS_FILE:-/etc/latchkey/container.env}
SECRETS_DIRECTORY=${SECRETS_DIRECTORY:-/etc/latchkey/secrets}
ACTIVE_FILE=${ACTIVE_FILE:-/etc/caddy/latchkey.nodes}
BLUE_NODES=${BLUE_NODES:-127.0.0.1:5625}
BLUE_OPS=${BLUE_OPS:-127.0.0.1:5626}
GREEN_NODES=${GREEN_NODES:-127.0.0.1:5635}
GREEN_OPS=${GREEN_OPS:-127.0.0.1:5636}

# The reader may be gone, as when a connection by SSH is lost: that must not end the script.
trap '' PIPE
say() {
  echo "release: $*" || :
}

if [ "$image" != back ]; then
  digest=${image#"${IMAGE_REPOSITORY:?set it to the repository of your images}@sha256:"}
  case $digest in
    "$image" | *[!0-9a-f]*) usage ;;
  esac
  [ ${#digest} -eq 64 ] || usage
fi

fail() {
  say "$1; $active goes on"
  exit 1
}

# The server needs 45 s at most for its requests and its end.
stop() {
  "$ENGINE" stop --time 45 "latchkey-$1" >/dev/null
}

# An unfit release is kept for its logs under a name that "back" does not lead to.
set_aside() {
  "$ENGINE" rm --force latchkey-failed >/dev/null 2>&1 || say 'latchkey-failed is new'
  "$ENGINE" rename "latchkey-$idle" latchkey-failed
  fail "$1; \"$ENGINE logs latchkey-failed\" may name the reason"
}

# As in deploy/compose.yaml: nothing can be written but the two directories, and nothing can be gained.
latchkey() {
  "$ENGINE" run --network host --env-file "$SETTINGS_FILE" --volume "$SECRETS_DIRECTORY:/run/secrets:ro" \
    --env LATCHKEY_KEK_FILE=/run/secrets/kek --env DATABASE_URL_FILE=/run/secrets/database-url \
    --env SMTP_URL_FILE=/run/secrets/smtp-url --read-only --cap-drop ALL --security-opt no-new-privileges \
    --tmpfs /tmp:size=16m,mode=1777 --tmpfs /data:size=16m,uid=65532,gid=65532,mode=0700 \
    --memory 512m --pids-limit 128 "$@"
}

# Two at once would start the same color. The lock ends with the process.
exec 8>"$ACTIVE_FILE.release"
flock --nonblock 8 || {
  say 'another release is in progress; nothing was changed'
  exit 1
}

# The first node of the file has the requests.
case $(sed -n '1s/^to \([^ ]*\).*/\1/p' "$ACTIVE_FILE") in
  "${BLUE_NODES%% *}") active=blue idle=green node=${GREEN_NODES%% *} ops=${GREEN_OPS%% *} ;;
  "${GREEN_NODES%% *}") active=green idle=blue node=${BLUE_NODES%% *} ops=${BLUE_OPS%% *} ;;
  *)
    say "$ACTIVE_FILE leads to neither blue nor green; nothing was changed"
    exit 1
    ;;
esac

if [ "$image" = back ]; then
  "$ENGINE" start "latchkey-$idle" >/dev/null || fail 'there is no release before'
else
  "$ENGINE" pull --quiet "$image" || fail 'the image cannot be pulled'
  latchkey --rm "$image" migrate up || fail 'the migration failed'
  # The release before the last one; without it there is nothing to remove, and a name that stays taken fails the start.
  "$ENGINE" rm --force "latchkey-$idle" >/dev/null 2>&1 || say "latchkey-$idle is new"
  latchkey --detach --name "latchkey-$idle" --restart unless-stopped \
    --env LATCHKEY_HOST="${node%:*}" --env LATCHKEY_PORT="${node##*:}" \
    --env LATCHKEY_OPS_HOST="${ops%:*}" --env LATCHKEY_OPS_PORT="${ops##*:}" "$image" serve >/dev/null ||
    fail 'the container does not start'
fi

# A signal that ends the watch is for switch.sh, which leads the requests back; this script goes on after it.
trap : HUP INT TERM
"$here/switch.sh" "$idle" || {
  stop "$idle"
  [ "$image" != back ] || fail 'the release before is unfit'
  set_aside 'the release is unfit'
}
# Kept for the way back. At the first release the old stack may be no container.
stop "$active" || say "latchkey-$active is no container, and still runs"
say "$idle serves; \"back\" leads to $active again"

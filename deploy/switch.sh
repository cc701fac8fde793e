#!/bin/sh
# Leads the requests of Caddy to one of two stacks, blue or green, and back if the new one turns out unfit:
#
#   switch.sh <blue|green>
#
# The stack is probed first, and is not switched to unless it is ready. Then it is watched, with the other one behind it: a request
# for which no node of the new stack is healthy goes to the old one. When the new one stays red, or more than ERROR_PERCENT of its
# requests fail with 5xx, all requests go back; also when this script is interrupted, since nothing watches the new stack then. Stop
# the old stack after this script has succeeded.
#
# Exit codes: 0 the stack has the requests; 1 it does not: nothing was switched, or the requests went back; 2 wrong usage.
#
# Settings come from the environment, or from the file that SWITCH_SETTINGS names.
set -eu

usage() {
  echo 'usage: switch.sh <blue|green>' >&2
  exit 2
}

[ $# -eq 1 ] || usage
next=$1

settings=${SWITCH_SETTINGS:-/etc/latchkey/switch.env}
if [ -r "$settings" ]; then
  # Exported, because Caddy fills them into its configuration.
  set -a
  # shellcheck source=/dev/null
  . "$settings"
  set +a
fi

# Public and operator's listeners, separated by spaces. While it is watched, the first node of a stack gets all requests.
BLUE_NODES=${BLUE_NODES:-127.0.0.1:5625}
BLUE_OPS=${BLUE_OPS:-127.0.0.1:5626}
GREEN_NODES=${GREEN_NODES:-127.0.0.1:5635}
GREEN_OPS=${GREEN_OPS:-127.0.0.1:5636}
# The Caddyfile of this directory imports the file of the active nodes.
CADDYFILE=${CADDYFILE:-/etc/caddy/Caddyfile}
ACTIVE_FILE=${ACTIVE_FILE:-/etc/caddy/latchkey.nodes}
# The new stack must become ready within so many seconds, and is then watched for so many.
READY_SECONDS=${READY_SECONDS:-60}
WATCH_SECONDS=${WATCH_SECONDS:-60}
# So many probes in succession, one a second, must fail before the requests go back.
RED_PROBES=${RED_PROBES:-2}
ERROR_PERCENT=${ERROR_PERCENT:-1}
# Fewer requests show no rate.
ERROR_REQUESTS=${ERROR_REQUESTS:-50}

case $next in
  blue) nodes=$BLUE_NODES ops=$BLUE_OPS others=$GREEN_NODES ;;
  green) nodes=$GREEN_NODES ops=$GREEN_OPS others=$BLUE_NODES ;;
  *) usage ;;
esac

# The reader may be gone, as when a connection by SSH is lost: that must not end the script.
trap '' PIPE
say() {
  echo "switch: $*" || :
}

# Whether every node of the stack is ready. A probe that hangs is one that fails.
is_ready() {
  for address in $ops; do
    curl --silent --fail --max-time 2 --output /dev/null "http://$address/readyz" || return 1
  done
}

# Prints how many requests the stack has answered, and how many of them with 5xx.
count_requests() {
  for address in $ops; do
    curl --silent --fail --max-time 2 "http://$address/metrics" || return 1
  done | awk '/^http_requests_total[{]/ { all += $NF; if ($0 ~ /status_code="5/) failed += $NF }
    END { printf "%d %d\n", all, failed }'
}

# Writes the file of the active nodes in one step, so that a restart of Caddy never reads half of it.
lead_to() {
  printf '%s\n' "$1" >"$ACTIVE_FILE.new"
  mv "$ACTIVE_FILE.new" "$ACTIVE_FILE"
  # Open connections finish on the old configuration.
  caddy reload --config "$CADDYFILE" --adapter caddyfile 2>"$ACTIVE_FILE.log" || {
    cat "$ACTIVE_FILE.log" >&2
    return 1
  }
}

go_back() {
  lead_to "$before"
  say "$next is unfit: $1"
  say 'the requests are back where they were'
  exit 1
}

# Two at once would each go back to what the other has begun. The lock ends with the process.
exec 9>"$ACTIVE_FILE.lock"
flock --nonblock 9 || {
  say 'another switch is in progress; nothing was switched'
  exit 1
}
before=$(cat "$ACTIVE_FILE")
waited=0
until is_ready; do
  waited=$((waited + 1))
  if [ "$waited" -gt "$READY_SECONDS" ]; then
    say "$next is not ready; nothing was switched"
    exit 1
  fi
  sleep 1
done

# Without metrics the stack is watched by its probes alone.
counts=$(count_requests) || counts='0 0'
all_before=${counts% *} failed_before=${counts#* }

# HUP: the connection of an operator by SSH was lost.
trap 'go_back "the watch was interrupted"' HUP INT TERM
lead_to "to $nodes $others
lb_policy first" || go_back 'Caddy does not accept the configuration'
say "$next has the requests, and is watched for $WATCH_SECONDS s"

red=0
watched=0
while [ "$watched" -lt "$WATCH_SECONDS" ]; do
  sleep 1
  watched=$((watched + 1))
  if is_ready; then red=0; else red=$((red + 1)); fi
  [ "$red" -lt "$RED_PROBES" ] || go_back "it was not ready $red times in succession"
  # A node without metrics is counted by the probe.
  counts=$(count_requests) || continue
  all=$((${counts% *} - all_before)) failed=$((${counts#* } - failed_before))
  if [ "$all" -ge "$ERROR_REQUESTS" ] && [ $((failed * 100)) -gt $((all * ERROR_PERCENT)) ]; then
    go_back "$failed of $all requests failed"
  fi
done
trap - HUP INT TERM
lead_to "to $nodes
lb_policy least_conn" || go_back 'Caddy does not accept the configuration'
say "$next is well; the other stack gets no requests any more"

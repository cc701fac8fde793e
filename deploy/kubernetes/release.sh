#!/bin/sh
# Brings a release into service without downtime: migrates, starts it as the idle color, switches the Service to it, watches it,
# and switches back when it is not ready or too many requests fail.
#
#   release.sh <overlay> <image>@sha256:<digest>     release.sh production registry.example.com/latchkey@sha256:…
#   release.sh <overlay> back                        to the color before, which still runs
#
# WATCH_SECONDS (300) is how long it watches, INTERVAL_SECONDS (5) how often it looks. With PROMETHEUS_URL it also reads the share
# of requests that fail, which may be ERROR_RATIO (0.01).
set -eu

overlay=${1:?the name of an overlay, such as production}
image=${2:?an image with its digest, or "back"}
here=$(cd "$(dirname "$0")" && pwd)
kustomization=$here/overlays/$overlay/kustomization.yaml
namespace=$(sed -n 's/^namespace: //p' "$kustomization")
interval=${INTERVAL_SECONDS:-5}
checks=$(awk -v watch="${WATCH_SECONDS:-300}" -v interval="$interval" 'BEGIN { n = int(watch / interval); print n < 3 ? 3 : n }')

k() { kubectl --namespace "$namespace" "$@"; }
fail() { echo "release: $*" >&2; exit 1; }

active_color() { k get service latchkey -o 'jsonpath={.spec.selector.app\.kubernetes\.io/instance}'; }
ready_pods() { k get deployment "latchkey-$1" -o 'jsonpath={.status.readyReplicas}'; }

switch_to() {
  k patch service latchkey --type merge --patch "{\"spec\":{\"selector\":{\"app.kubernetes.io/instance\":\"$1\"}}}"
  k patch cronjob "latchkey-doctor-$1" --type merge --patch '{"spec":{"suspend":false}}'
  k patch cronjob "latchkey-doctor-$2" --type merge --patch '{"spec":{"suspend":true}}'
}

write_digest() {
  repository=${image%@*}
  digest=${image#*@}
  sed -i -e "/name: latchkey-$idle\$/,/^  - name\|^[a-z]/ {
    s|newName: .*|newName: $repository|
    s|newTag: .*|digest: $digest|
    s|digest: .*|digest: $digest|
  }" "$kustomization"
}

apply() { kubectl apply -k "$here/overlays/$overlay" --selector "app.kubernetes.io/instance=$idle,app.kubernetes.io/component in ($1)"; }

migrate() {
  k delete job "latchkey-migration-$idle" --ignore-not-found --wait
  apply settings,migration
  while :; do
    conditions=$(k get job "latchkey-migration-$idle" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')
    case $conditions in
      *Complete*) return ;;
      *Failed*)
        k logs "job/latchkey-migration-$idle" --tail 20 >&2
        fail "the migration failed. $active serves as before." ;;
    esac
    sleep "$interval"
  done
}

start_idle() {
  apply server,doctor
  # As many pods as serve now: the autoscaler needs minutes to add them.
  k scale deployment "latchkey-$idle" --replicas "$wanted"
  k rollout status deployment "latchkey-$idle" --timeout 600s || fail "$idle does not become ready. $active serves as before."
}

# The reason why the new color must not serve; nothing when it may.
find_fault() {
  ready=$(ready_pods "$idle") || { echo 'the cluster does not respond'; return; }
  [ $((${ready:-0} * 2)) -ge "$wanted" ] || { echo "${ready:-0} of $wanted pods are ready"; return; }
  [ -n "${PROMETHEUS_URL:-}" ] || return 0
  query='sum(rate(http_requests_total{job="latchkey",status_code=~"5.."}[1m])) / sum(rate(http_requests_total{job="latchkey"}[1m]))'
  answer=$(curl -fsS -m 10 --data-urlencode "query=$query" "$PROMETHEUS_URL/api/v1/query") || { echo 'Prometheus does not respond'; return; }
  # No series with an error is an empty result.
  ratio=$(printf '%s' "$answer" | jq -r 'if .status == "success" then .data.result[0].value[1] // "0" else error end') ||
    { echo 'Prometheus refuses the query'; return; }
  awk -v ratio="$ratio" -v most="${ERROR_RATIO:-0.01}" 'BEGIN { exit !(ratio != "NaN" && ratio > most) }' || return 0
  echo "$ratio of the requests fail"
}

# Three checks in a row, so that a pod that moves to another machine does not end a release.
watch_release() {
  faults=0
  while [ "$checks" -gt 0 ]; do
    fault=$(find_fault)
    if [ -z "$fault" ]; then faults=0; else
      faults=$((faults + 1))
      echo "release: $fault ($faults of 3)" >&2
      [ "$faults" -lt 3 ] || return 1
    fi
    checks=$((checks - 1))
    sleep "$interval"
  done
  [ "$faults" -eq 0 ]
}

active=$(active_color)
case $active in
  blue) idle=green ;;
  green) idle=blue ;;
  *) fail "the Service latchkey of $namespace leads to no color. Apply the overlay first." ;;
esac

if [ "$image" = back ]; then
  ready=$(ready_pods "$idle")
  [ "${ready:-0}" -gt 0 ] || fail "$idle has no pod that is ready. $active serves as before."
  switch_to "$idle" "$active"
  echo "release: $idle serves again"
  exit
fi

case $image in
  *@sha256:*) ;;
  *) fail "$image has no digest, such as @sha256:…" ;;
esac

wanted=$(ready_pods "$active")
[ "${wanted:-0}" -gt 0 ] || wanted=1
write_digest
migrate
start_idle
# A release that nothing watches does not stay: from the switch on, a signal returns to the color before.
trap 'switch_to "$active" "$idle"; fail "stopped while watching. $active serves again."' INT TERM
switch_to "$idle" "$active"
if ! watch_release; then
  switch_to "$active" "$idle"
  fail "$fault. $active serves again."
fi
trap - INT TERM
echo "release: $idle serves $image. $active still runs: \"release.sh $overlay back\" returns to it."
echo "release: commit $kustomization"

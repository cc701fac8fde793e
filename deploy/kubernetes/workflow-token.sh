#!/bin/sh
# Credentials of a GitHub workflow for kubectl (client.authentication.k8s.io/v1): the token by which GitHub identifies the workflow
# (OpenID Connect), for the audience CLUSTER_URL. The workflow needs the permission "id-token: write".
set -eu
token=$(curl -fsS -m 20 -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \
  --get --data-urlencode "audience=$CLUSTER_URL" "$ACTIONS_ID_TOKEN_REQUEST_URL" | jq -er .value)
# The expiry is in the token's payload, which is base64url without padding.
expires=$(printf '%s' "$token" | jq -Rr 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | . + "==="[(length + 3) % 4:] | @base64d | fromjson | .exp | todate')
jq -n --arg token "$token" --arg expires "$expires" '{
  apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential",
  status: { token: $token, expirationTimestamp: $expires }
}'

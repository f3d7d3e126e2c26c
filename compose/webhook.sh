#!/bin/sh
# Sends the shop's event for an order to a mesh, signed as Standard Webhooks are: KEY=whsec_… webhook.sh ORDER [URL]
set -eu
id="msg_$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
time=$(date +%s)
body="{\"type\":\"refund.requested\",\"data\":{\"order\":{\"id\":\"$1\"}}}"
key=$(printf %s "${KEY#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
signature=$(printf '%s.%s.%s' "$id" "$time" "$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
exec curl -sS --fail-with-body -H 'content-type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $time" \
    -H "webhook-signature: v1,$signature" -d "$body" "${2:-http://127.0.0.1:${MESH_HTTP_PORT:-7300}/hooks/acme/shop}"

#!/bin/sh
# What the sample's containers run: `secrets` makes the shop's tokens and the key of its webhooks, `apply` tells the mesh of the shop.
set -eu
umask 077
cd /sample/secrets

mesh() { dotnet /app/Mesh.Cli.dll --tenant acme "$@"; }

# keep FILE COMMAND...: what a command says, once.
keep() {
    file=$1
    shift
    [ -s "$file" ] || { "$@" >"$file.new" && mv "$file.new" "$file"; }
}

random_token() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

signing_key() { printf 'whsec_%s' "$(head -c 32 /dev/urandom | base64)"; }

# put NAME FILE: a secret that the mesh does not have yet.
put() { mesh secret list -o name | grep -qx "$1" || mesh secret put acme "$1" <"$2"; }

case ${1:-} in
    secrets)
        keep SHOP_CRM_TOKEN random_token
        keep SHOP_PAYMENTS_TOKEN random_token
        keep SHOP_MAIL_TOKEN random_token
        keep shop-signing-key signing_key
        ;;
    apply)
        mesh apply -f /sample/sdk/samples/refund/manifests
        put crm/crm-key SHOP_CRM_TOKEN
        put payments/payments-key SHOP_PAYMENTS_TOKEN
        put mail/mail-key SHOP_MAIL_TOKEN
        put webhooks/shop-signing-key shop-signing-key
        ;;
    *)
        echo "usage: sample.sh secrets|apply" >&2
        exit 2
        ;;
esac

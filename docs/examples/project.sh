#!/usr/bin/env bash
# Makes a project with an application, a group and people over plain JSON, signs
# one of them in through that application, and finds all of it in the audit log.
#
#   IDENTITY_URL=https://login.example.com IDENTITY_TOKEN_FILE=token docs/examples/project.sh
#
# To try it: GATEWAY_ADMIN_API_SECRET_FILE=token identity dev, and http://localhost:8080.
# The token is the admin secret (GATEWAY_ADMIN_API_SECRET), or an access token with
# identity.admin and identity.control. The sign-in is done by openid-client on node
# (npm ci --prefix conformance/node). The project stays: look at it, then
# `identity project delete`.
set -euo pipefail

: "${IDENTITY_URL:?the URL of the server}" "${IDENTITY_TOKEN_FILE:?the file with the token}"
project=${PROJECT:-shop-$RANDOM$RANDOM}
login=${LOGIN:-node $(dirname "${BASH_SOURCE[0]}")/../../conformance/node/example_login.mjs}

fail() {
  printf 'example: %s\n' "$1" >&2
  exit 1
}

# call SERVICE/METHOD < request: a request is a POST of a JSON object. Neither the
# token nor the request is an argument: everybody on a machine can read those.
call() {
  local answer
  answer=$(curl --silent --show-error --fail-with-body \
    --header "Content-Type: application/json" \
    --header @<(printf 'Authorization: Bearer %s' "$(<"$IDENTITY_TOKEN_FILE")") \
    --data-binary @- "$IDENTITY_URL/identity.admin.v1.$1") || fail "$1: $answer"
  printf '%s\n' "$answer"
}

# field NAME < answer: the first text of that name.
field() { sed -nE 's/.*"'"$1"'": *"([^"]*)".*/\1/p' | head -n 1; }

issuer=$(printf '{"project": {"id": "%s", "name": "The shop"}}' "$project" | call ProjectService/CreateProject | grep -oE '"issuer": *"[^"]*"' | field issuer)
echo "project  $project at $issuer"

redirect_uri=https://shop.example.com/callback
answer=$(call ClientService/CreateClient <<JSON
{"project_id": "$project", "client": {
  "id": "web", "client_name": "The shop", "redirect_uris": ["$redirect_uri"],
  "scope": ["openid", "profile", "email", "groups"], "first_party": true}}
JSON
)
client_secret=$(grep -oE '"clientSecret": *"[^"]*"' <<<"$answer" | field clientSecret)
[ -n "$client_secret" ] || fail "the client has no secret"
echo "client   web"

group=$(printf '{"project_id": "%s", "group": {"name": "editors"}}' "$project" | call GroupService/CreateGroup | grep -oE '"id": *"[^"]*"' | field id)
echo "group    editors $group"

password=$(head -c 18 /dev/urandom | base64)
for name in jane joe; do
  user=$(call UserService/CreateUser <<JSON | grep -oE '"id": *"[^"]*"' | field id
{"project_id": "$project", "idempotency_key": "$name", "password": "$password",
 "user": {"email": "$name@shop.example.com", "emailVerified": true, "name": "$name"}}
JSON
  )
  echo "user     $name $user"
  [ "$name" = joe ] || jane=$user
done
printf '{"project_id": "%s", "group_id": "%s", "user_id": "%s"}' "$project" "$group" "$jane" | call GroupService/AddGroupMember >/dev/null

# What is wrong is told with the name of the field.
if wrong=$(printf '{"project_id": "%s", "user": {"email": "JANE@shop.example.com"}}' "$project" | call UserService/CreateUser 2>/dev/null); then
  fail "the same address was taken twice: $wrong"
fi
echo "refused  a second account with the same address"

claims=$($login <<JSON
{"issuer": "$issuer", "client_id": "web", "client_secret": "$client_secret", "redirect_uri": "$redirect_uri",
 "scope": "openid profile email groups", "email": "jane@shop.example.com", "password": "$password"}
JSON
)
[ "$(field iss <<<"$claims")" = "$issuer" ] || fail "the ID token is of another issuer: $claims"
[ "$(field sub <<<"$claims")" = "$jane" ] || fail "the ID token is of another account: $claims"
grep -q '"groups":\["editors"\]' <<<"$claims" || fail "the group is missing: $claims"
echo "login    jane at $issuer, in the group editors"

events=$(printf '{"project_id": "%s", "page_size": 100}' "$project" | call AuditService/ListAuditEvents)
control=$(printf '{"target": "%s"}' "$project" | call AuditService/ListControlEvents)
for action in client.created group.created group.member_added user.created user.signed_in; do
  grep -qE '"action": *"'"$action"'"' <<<"$events" || fail "$action is not in the audit log: $events"
  echo "audit    $action"
done
grep -qE '"action": *"project.created"' <<<"$control" || fail "project.created is not in the log of the control plane: $control"
echo "audit    project.created"

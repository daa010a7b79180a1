#!/usr/bin/env bash
# Zeblit with curl alone: asks by POST and GET, changes something, watches live, and shows what an error looks like.
#   examples/curl.sh [DATA_DIR]      takes the address and the key from DATA_DIR/owner.json (./.zeblit)
#   URL=… KEY=… examples/curl.sh     takes them from the environment
set -euo pipefail

owner=${1:-.zeblit}/owner.json
read_owner() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$owner"; }
URL=${URL:-$(read_owner url)}
KEY=${KEY:-$(read_owner apiKey)}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "curl.sh: $1" >&2
	exit 1
}
expect() { # expect WORDS ANSWER
	case $2 in *"$1"*) ;; *) fail "no $1 in: $2" ;; esac
}
post() { # post BODY [curl's options]: prints the answer, whatever its status
	local body=$1
	shift
	curl --silent --show-error --max-time 30 "$URL/graphql" -H "Authorization: Bearer $KEY" \
		-H 'Content-Type: application/json' -H 'Accept: application/graphql-response+json' --data "$body" "$@"
}
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

echo "== A query by POST"
answer=$(post '{"query":"{ viewer { name email } }"}' --fail-with-body)
echo "$answer"
expect '"name"' "$answer"

echo "== A query by GET"
answer=$(curl --silent --show-error --fail-with-body --max-time 30 --get "$URL/graphql" -H "Authorization: Bearer $KEY" \
	--data-urlencode 'query=query Newest($first: Int) { projects(first: $first) { edges { node { name } } } }' \
	--data-urlencode 'variables={"first":3}')
echo "$answer"
expect '"projects"' "$answer"

echo "== A mutation"
answer=$(post '{"query":"mutation { createProject(input: {name: \"With curl\"}) { project { headCursor id } } }"}' --fail-with-body)
echo "$answer"
project=$(printf %s "$answer" | field id)
cursor=$(printf %s "$answer" | field headCursor)
[ -n "$project" ] && [ -n "$cursor" ] || fail "no project"

echo "== Errors have a code"
answer=$(post '{"query":"{ project(id: \"prj_unknown\") { name } }"}')
echo "$answer"
expect '"NOT_FOUND"' "$answer"
status=$(post '{"query":"{ nonsense }"}' --output "$dir/error" --write-out '%{http_code}')
echo "$status $(cat "$dir/error")"
[ "$status" = 400 ] || fail "status $status, not 400"
expect '"GRAPHQL_VALIDATION_FAILED"' "$(cat "$dir/error")"

echo "== Watching live: server-sent events, from the cursor on"
watch='{"query":"subscription($projectId: ID!, $after: Cursor) { projectEvents(projectId: $projectId, after: $after) { __typename cursor ... on MessageDelta { text } ... on RunStateChanged { state } } }","variables":{"projectId":"'$project'","after":"'$cursor'"}}'
curl --silent --show-error --no-buffer --fail-with-body --max-time 60 "$URL/graphql" -H "Authorization: Bearer $KEY" \
	-H 'Content-Type: application/json' -H 'Accept: text/event-stream' --data "$watch" >"$dir/events" &
watcher=$!
trap 'kill "$watcher" 2>/dev/null || true; rm -rf "$dir"' EXIT
post '{"query":"mutation($input: SendMessageInput!) { sendMessage(input: $input) { run { state } } }","variables":{"input":{"projectId":"'"$project"'","text":"Build a to-do list page"}}}' --fail-with-body
echo
for _ in $(seq 300); do
	! grep -q '"SUCCEEDED"' "$dir/events" || break
	kill -0 "$watcher" 2>/dev/null || fail "the stream ended: $(cat "$dir/events")"
	sleep 0.1
done
kill "$watcher" 2>/dev/null || true
sed -n 's/^data: *//p' "$dir/events"
expect '"MessageDelta"' "$(cat "$dir/events")"
expect '"SUCCEEDED"' "$(cat "$dir/events")"

echo "== Going on after a cut: Last-Event-ID is the last event's id"
id=$(sed -n 's/^id: *//p' "$dir/events" | sed -n 3p)
[ -n "$id" ] || fail "events have no id"
want=$(sed -n 's/^id: *//p' "$dir/events" | sed -n 4p)
for seconds in 2 10 30; do
	again=$(curl --silent --no-buffer --max-time "$seconds" "$URL/graphql" -H "Authorization: Bearer $KEY" -H "Last-Event-ID: $id" \
		-H 'Content-Type: application/json' -H 'Accept: text/event-stream' --data "$watch" || true)
	[ -z "$again" ] || break
done
[ "$(printf '%s\n' "$again" | sed -n 's/^id: *//p' | sed -n 1p)" = "$want" ] || fail "it did not go on with $want"

echo "== All worked"

#!/usr/bin/env bash
# Does the main job with a built program: starts it without configuration on a free
# port, asks for a page, and stops it.
set -euo pipefail
zeblit=${1:-bin/zeblit}

unset DATABASE_URL ZEBLIT_SECRET ZEBLIT_URL ZEBLIT_API_KEY ZEBLIT_ADDR ZEBLIT_SIGN_UP
unset ANTHROPIC_API_KEY ANTHROPIC_BASE_URL OPENAI_API_KEY OPENAI_BASE_URL
dir=$(mktemp -d)
export ZEBLIT_DATA_DIR=$dir/data ZEBLIT_DEMO_PACE=0

server=
finish() {
	code=$?
	[ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
	if [ "$code" != 0 ]; then
		echo "--- what the server said" >&2
		cat "$dir/out" "$dir/log" >&2 || true
		[ ! -f "$dir/chat" ] || { echo "--- what chat said" >&2; cat "$dir/chat" >&2; }
	fi
	rm -rf "$dir"
}
trap finish EXIT
fail() {
	echo "smoke: $1" >&2
	exit 1
}

"$zeblit" version
"$zeblit" serve --addr 127.0.0.1:0 >"$dir/out" 2>"$dir/log" &
server=$!
url=
for _ in $(seq 300); do
	kill -0 "$server" 2>/dev/null || fail "the server ended"
	url=$(sed -n 's/.* is ready at //p' "$dir/out")
	if [ -n "$url" ] && curl --silent --fail --max-time 5 --output /dev/null "$url/health/ready"; then
		break
	fi
	url=
	sleep 0.1
done
[ -n "$url" ] || fail "the server isn't ready after 10 s"

timeout 60 "$zeblit" chat "Build a to-do list page" >"$dir/chat" 2>&1 || fail "chat failed"
grep -q 'write_file' "$dir/chat" || fail "chat shows no tool call"
sed -n '/Files written/,$p' "$dir/chat" | grep -q 'index\.html' || fail "chat lists no index.html"
key=$(sed -n 's/.*"apiKey": *"\([^"]*\)".*/\1/p' "$dir/data/owner.json")
[ -n "$key" ] || fail "owner.json holds no key"
if grep -q -F "$key" "$dir/out" "$dir/log"; then
	fail "the key is in the output"
fi

kill -TERM "$server"
for _ in $(seq 300); do
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
if kill -0 "$server" 2>/dev/null; then
	fail "the server didn't stop within 10 s"
fi
code=0
wait "$server" || code=$?
server=
[ "$code" = 0 ] || fail "the server ended with $code"
echo "smoke: ok"

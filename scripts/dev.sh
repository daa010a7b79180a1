#!/usr/bin/env bash
# Serves, and builds and starts again whenever a source file changes. A build that
# fails leaves the running server alone.
set -euo pipefail
cd "$(dirname "$0")/.."

server=
stop() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" || true
		server=
	fi
}
trap 'stop; exit 0' INT TERM
trap stop EXIT

sources() {
	find cmd ent graph internal web/dist web/*.go go.mod -type f \( -name '*.go' -o -name '*.gz' -o -name '*.md' -o -name '*.graphql' -o -name '*.sql' -o -name go.mod \) -printf '%p %T@\n' | sort | cksum
}

seen=
while true; do
	now=$(sources)
	if [ "$now" != "$seen" ]; then
		seen=$now
		if go build -o bin/zeblit ./cmd/zeblit; then
			stop
			bin/zeblit serve &
			server=$!
		fi
	fi
	sleep 1
done

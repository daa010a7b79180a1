#!/usr/bin/env bash
# Builds the web pages into web/dist, from where go build takes them. Without Node the
# program is built all the same, and its pages say what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null; then
	echo "npm isn't here: building without the web pages. Install Node 20 or newer and run make build again." >&2
	exit 0
fi
installed() { [ "node_modules/.$1" -nt package-lock.json ]; }
if ! installed all && ! installed explorer; then
	npm ci --no-audit --no-fund --workspace @zeblit/explorer
	touch node_modules/.explorer
fi
npm run --silent build --workspace @zeblit/explorer
touch web/dist/.built

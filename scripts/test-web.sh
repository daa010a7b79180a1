#!/usr/bin/env bash
# Tests what is in web/ and examples/, against the built program and in a headless
# Chromium. What is missing is installed (as root, on Debian), or it fails.
set -euo pipefail
cd "$(dirname "$0")/.."

need() { # package, check…
	local package=$1
	shift
	if "$@" >/dev/null 2>&1; then
		return
	fi
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "Installing $package for the tests" >&2
		{ apt-get -o Acquire::Retries=3 update && DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$package"; } >&2
	fi
	"$@" >/dev/null 2>&1 || { echo "The tests need $package: install it." >&2; exit 1; }
}
need chromium sh -c 'command -v "${CHROMIUM:-chromium}"'
need python3-websockets /usr/bin/python3 -c 'import websockets'
need curl command -v curl

export ZEBLIT_BIN=$PWD/bin/zeblit
npm run --silent test
npm run --silent e2e

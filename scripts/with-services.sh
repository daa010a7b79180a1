#!/usr/bin/env bash
# Runs a command that tests on PostgreSQL, Redis and sandboxes, making sure that there are some:
# TEST_DATABASE_URL and TEST_REDIS_URL, or local programs of which the tests start
# private servers, or containers, or packages (as root). Where none of them works it
# fails; no test is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

have_postgres() {
	command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}
have_redis() { command -v redis-server >/dev/null; }

install_package() {
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	echo "Installing $1 for the tests" >&2
	{ apt-get -o Acquire::Retries=3 update && DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$1"; } >&2
}

compose() {
	docker info >/dev/null 2>&1 || return 1
	docker compose --project-name zeblit-test --file deploy/compose.test.yaml "$@"
}

if [ -z "${TEST_DATABASE_URL:-}" ]; then
	unset TEST_DATABASE_URL
	if ! have_postgres; then
		if compose up --detach --wait postgres >&2; then
			export TEST_DATABASE_URL="postgres://postgres:test@$(compose port postgres 5432)/postgres?sslmode=disable"
		elif ! install_package postgresql; then
			echo "The tests need PostgreSQL: install it, start Docker, or set TEST_DATABASE_URL." >&2
			exit 1
		fi
	fi
fi
# Some tests stop their Redis, which only a private one allows: the program is
# needed even where TEST_REDIS_URL is set.
if ! have_redis && ! install_package redis-server; then
	echo "The tests need the program redis-server: install it." >&2
	exit 1
fi
# Sandboxes are tried with bubblewrap, and with a private Podman and an image of busybox.
for needed in bwrap:bubblewrap podman:podman runc:runc busybox:busybox-static; do
	if ! command -v "${needed%%:*}" >/dev/null && ! install_package "${needed#*:}"; then
		echo "The tests need the program ${needed%%:*}: install ${needed#*:}." >&2
		exit 1
	fi
done
exec "$@"

#!/usr/bin/env bash
# Runs a command that tests on PostgreSQL, making sure that there is one:
# TEST_DATABASE_URL, or local programs of which the tests start a private server, or
# packages (as root), or a container. With none of them it fails; no test is skipped.
set -euo pipefail

have_local() {
	command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

container=zeblit-test-postgres
start_container() {
	docker info >/dev/null 2>&1 || return 1
	if [ -z "$(docker ps --quiet --filter "name=^${container}$")" ]; then
		docker run --detach --rm --name "$container" --publish 127.0.0.1::5432 \
			--env POSTGRES_PASSWORD=test --tmpfs /var/lib/postgresql postgres:17 >&2
	fi
	for _ in $(seq 60); do
		if docker exec "$container" pg_isready --quiet --host 127.0.0.1 --username postgres; then
			port=$(docker port "$container" 5432/tcp | head -n 1 | sed 's/.*://')
			export TEST_DATABASE_URL="postgres://postgres:test@127.0.0.1:${port}/postgres?sslmode=disable"
			return 0
		fi
		sleep 1
	done
	return 1
}

if [ -z "${TEST_DATABASE_URL:-}" ]; then
	unset TEST_DATABASE_URL
	if ! have_local && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "PostgreSQL isn't here: installing it" >&2
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql; } >&2 || true
	fi
	if ! have_local && ! start_container; then
		echo "The tests need PostgreSQL: install it, start Docker, or set TEST_DATABASE_URL." >&2
		exit 1
	fi
fi
exec "$@"

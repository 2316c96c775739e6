#!/usr/bin/env bash
# Runs a command with the services the tests need:
#
#     e2e/with-services.sh go test ./store/...
#
# Starts one PostgreSQL cluster for the length of the command, in a temporary
# directory, on a free loopback port, and names it in GATEHOUSE_TEST_POSTGRES.
# Each test makes a database of its own in it. The exit status is the command's.
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARGUMENT...]" >&2; exit 2; }
if [ -n "${GATEHOUSE_TEST_POSTGRES:-}" ]; then
	exec "$@" # somebody around us has started the services already
fi

# Where Debian keeps initdb and postgres, which are not on the PATH there.
postgres_bin() {
	local dir
	for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) "$(pg_config --bindir 2>/dev/null || true)"; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
			echo "$dir"
			return
		fi
	done
	echo "with-services: no PostgreSQL server found: run e2e/install.sh, or install Debian's postgresql" >&2
	return 1
}

# PostgreSQL refuses to run as root, so root hands it to nobody. It stops with
# us, whichever way we end: the kernel sends it SIGINT (fast shutdown) when this
# shell dies.
as_service() {
	if [ "$(id -u)" = 0 ]; then
		exec setpriv --reuid=nobody --regid=nogroup --clear-groups --pdeathsig INT "$@"
	fi
	exec setpriv --pdeathsig INT "$@"
}

bin=$(postgres_bin)
dir=$(mktemp -d /tmp/gatehouse-services.XXXXXX) # not TMPDIR: a socket's path holds 107 bytes
pid=

stop() {
	local status=$?
	trap '' INT TERM
	if [ -n "$pid" ]; then
		kill -INT "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	rm -rf "$dir"
	exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >"$dir/password"
[ "$(id -u)" != 0 ] || chown -R nobody:nogroup "$dir"
cd_dir=$PWD
cd "$dir"
if ! (as_service "$bin/initdb" --pgdata="$dir/data" --username=gatehouse --pwfile="$dir/password" \
	--auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync) >"$dir/log" 2>&1; then
	cat "$dir/log" >&2
	echo "with-services: PostgreSQL could not make its cluster; its words are above" >&2
	exit 1
fi

# Ports below the range the kernel gives to clients, so that nobody else's
# connection sits on ours. The cluster's own file says when it is ready: another
# server that answers on the same port is not mistaken for it.
port=
for _ in 1 2 3 4 5 6; do
	try=$((20000 + RANDOM % 12000))
	(as_service "$bin/postgres" -D "$dir/data" -p "$try" -k "$dir" \
		-c listen_addresses=127.0.0.1 -c max_connections=200 -c fsync=on) >>"$dir/log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		if [ "$(sed -n '8s/ *$//p' "$dir/data/postmaster.pid" 2>/dev/null)" = ready ]; then
			port=$try
			break 2
		fi
		sleep 0.05
	done
	wait "$pid" || true
	pid=
done
if [ -z "$port" ]; then
	tail -n 20 "$dir/log" >&2
	echo "with-services: PostgreSQL did not start; the end of its log is above" >&2
	exit 1
fi
cd "$cd_dir"

export GATEHOUSE_TEST_POSTGRES="postgres://gatehouse:$password@127.0.0.1:$port/postgres?sslmode=disable"
"$@"

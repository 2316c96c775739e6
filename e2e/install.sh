#!/usr/bin/env bash
# Installs from Debian what the tests need and this machine lacks, saying what
# and why; does nothing when nothing is missing. Needs root or sudo only then.
set -euo pipefail

# Each need: a question to this machine, the Debian packages that answer it, and
# why we ask. Adding a need is adding a line.
needs='
has make;             make;              runs the targets of the Makefile
can_compile_c;        gcc libc6-dev;     the race detector of go test -race links with C
has_postgres;         postgresql;        the store is tested on PostgreSQL as well as SQLite
has redis-server;     redis-server;      the fast path in front of the database is tested on a real Redis
has chromium;         chromium;          the pages are tested in a real browser
has xmlsec1;          xmlsec1;           an independent library verifies the XML that we sign and encrypt
'

has() { command -v "$1" >/dev/null; }
can_compile_c() { has gcc && gcc -E -include stdlib.h -x c /dev/null >/dev/null 2>&1; }
has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || [ -x "$(pg_config --bindir 2>/dev/null)/initdb" ]; }

missing=() # "packages: why"
packages=()
ask() {
	missing=() packages=()
	local question names why
	while IFS=';' read -r question names why; do
		[ -n "$question" ] || continue
		read -ra question <<<"$question"
		read -ra names <<<"$names"
		"${question[@]}" && continue
		missing+=("${names[*]}:$(printf '%s' "$why" | sed 's/^ */ /')")
		packages+=("${names[@]}")
	done <<<"$needs"
}

stop() {
	echo "install: $*" >&2
	exit 1
}

ask
[ ${#missing[@]} -gt 0 ] || exit 0

echo "install: the tests need what this machine lacks:"
printf '  %s\n' "${missing[@]}"

has apt-get || stop "this is no Debian system (no apt-get): install the above by hand"
sudo=()
if [ "$(id -u)" != 0 ]; then
	has sudo || stop "installing needs root: run it as root, or install sudo, or install by hand: ${packages[*]}"
	sudo=(sudo)
fi

apt() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }
echo "install: apt-get install ${packages[*]}"
apt update || stop "apt-get update ended with an error; its words are above"
apt install -y --no-install-recommends "${packages[@]}" >/dev/null ||
	stop "apt-get could not install ${packages[*]}; its words are above"

wanted=("${packages[@]}")
ask
[ ${#missing[@]} -eq 0 ] || stop "still missing after the installation: $(printf '%s; ' "${missing[@]}")"
echo "install: done"
case " ${wanted[*]} " in
*" redis-server "* | *" postgresql "*)
	echo "install: Debian may have started a service of its own; the tests do not use it: systemctl disable --now redis-server postgresql"
	;;
esac

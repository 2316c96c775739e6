#!/usr/bin/env bash
# Checks docs/revocation.pml, and that each rule left out of it is missed:
# `make model`. Wants Debian's spin and gcc.
set -euo pipefail
model=$(cd "$(dirname "$0")" && pwd)/revocation.pml
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# errors RULE prints the number of errors, and how many states were looked at.
errors() {
	spin -a ${1:+-D$1} "$model" >spin.log || { cat spin.log >&2; exit 1; }
	gcc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c
	./pan -m100000 >pan.log
	if grep -q "max search depth too small\|out of memory" pan.log; then cat pan.log >&2; exit 1; fi
	sed -n 's/.*errors: \([0-9]*\)$/\1/p; s/^ *\([0-9]*\) states, stored$/\1/p' pan.log | paste -sd ' '
}

read -r found states < <(errors '')
echo "as it is: $found errors in $states states"
[ "$found" = 0 ]
missed=0
for rule in $(sed -n 's/^ \*   -D\([A-Z]*\) .*/\1/p' "$model"); do
	read -r found states < <(errors "$rule")
	echo "$rule: $found errors in $states states"
	[ "$found" != 0 ] || missed=$((missed + 1))
done
[ "$missed" = 0 ] || { echo "$missed rules are not missed by the model"; exit 1; }

#!/bin/sh
# Runs every fuzz target of the module for a short time each: sh scripts/fuzz.sh 5s
# go test fuzzes one target at a time, so they are found by their names here.
set -eu

cd "$(dirname "$0")/.."
time=${1:-5s}

targets=$(grep -rl --include='*_test.go' --exclude-dir=node_modules --exclude-dir=tools '^func Fuzz' . | sort |
	while read -r file; do
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | sed "s|^|$(dirname "$file") |"
	done)
[ -n "$targets" ] || {
	echo "fuzz: no targets found" >&2
	exit 1
}
# run fuzzes one target, with the binary of its package, which is built once. Minimising bounds: 5 tries are enough to keep a
# corpus short, and time is for new inputs.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
built=
run() {
	if [ "$built" != "$1" ]; then
		go test -trimpath -vet=off -c -fuzz . -o "$work/fuzz.test" "$1" >"$log" 2>&1 || return 1
		built=$1
	fi
	(cd "$1" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$time" -test.fuzzminimizetime 5x \
		-test.fuzzcachedir "$(go env GOCACHE)/fuzz/$(go list)") >"$log" 2>&1 || return 1
	tail -n 1 "$log"
}

echo "$targets" | while read -r dir name; do
	echo "fuzz $dir $name"
	# On a busy machine Go itself may take the end of the time for a failure, several times on end. A finding names the
	# input that it was written to.
	tries=1
	until run "$dir" "$name"; do
		if [ "$tries" -eq 5 ] || ! grep -q 'context deadline exceeded' "$log" || grep -q 'Failing input written' "$log"; then
			cat "$log"
			exit 1
		fi
		tries=$((tries + 1))
	done
done

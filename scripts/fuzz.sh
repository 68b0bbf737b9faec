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
echo "$targets" | while read -r dir name; do
	echo "fuzz $dir $name"
	# -fuzzminimizetime bounds the extra time that a finding takes.
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 5s "$dir"
done

#!/bin/sh
# Prints the licences of dash.js and of what its script holds of others: scripts/dash-licences.sh >static/dist/dash.LICENSE
set -e
cd "$(dirname "$0")/../node_modules"
for name in dashjs @svta/cml-608 @svta/cml-cmcd @svta/cml-cmsd @svta/cml-dash @svta/cml-id3 @svta/cml-request @svta/cml-xml bcp-47-match \
	codem-isoboxer fast-deep-equal html-entities imsc localforage path-browserify sax immediate lie; do
	for file in "$name"/[Ll][Ii][Cc][Ee][Nn][SsCc][Ee]*; do
		case $file in *.html) continue ;; esac
		printf '%s\n\n' "$name"
		cat "$file"
		printf '\n\n'
	done
done
cat dashjs/dist/modern/umd/dash.mediaplayer.min.js.LICENSE.txt

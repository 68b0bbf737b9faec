#!/bin/sh
# Makes sure that the named programs are here, and installs with apt-get what is missing:
#
#   sh scripts/deps.sh go ffmpeg redis-server
#
# Names: go ffmpeg node npm redis-server chromium firefox webkit nginx nginx-rtmp (nginx's RTMP module) rtmpdump tsreport wrk
# gst-launch-1.0 (GStreamer, with the plugins that play H.264 and AAC) gcc, python (python3 with numpy and pytest), and "player" for
# node and npm where the page's player library has still to be fetched. "webkit" is WebKitWebDriver with
# WebKitGTK's MiniBrowser, a display for it (Xvfb) and the GStreamer plugins that play H.264 and AAC; Firefox plays them with
# ffmpeg's libraries. On a system without apt-get, and where root can't be had, it says what is missing and how to get it,
# and exits with 1. When nothing is missing it does nothing and takes no time.
set -eu

cd "$(dirname "$0")/.."

# Debian keeps servers in sbin, which is not on every user's path.
PATH="$PATH:/usr/sbin:/sbin"

have() { command -v "$1" >/dev/null 2>&1; }

# install_packages runs as root. Only the programs are wanted: a redis or nginx that came along with its service
# would take a port of this machine. So while packages are unpacked policy-rc.d forbids starting services (unless
# the machine has a policy of its own), and afterwards the services installed just now are switched off for good.
install_packages() {
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	export DEBIAN_FRONTEND=noninteractive
	twice apt-get update -qq
	twice apt-get install -y -qq --no-install-recommends "$@"
	if have systemctl; then
		for p in "$@"; do
			case $p in
			redis-server | nginx) systemctl disable "$p" >/dev/null 2>&1 || : ;;
			libnginx-mod-rtmp) systemctl disable nginx >/dev/null 2>&1 || : ;;
			esac
		done
	fi
}

# twice runs a command again when it fails: mirrors do, now and then.
twice() {
	"$@" && return
	echo "deps: '$*' failed, trying once more" >&2
	sleep 3
	"$@"
}

if [ "${1-}" = --install ]; then
	shift
	install_packages "$@"
	exit
fi

# present says whether a program is here; some have several names.
present() {
	case $1 in
	chromium)
		have chromium || have chromium-browser || have google-chrome || have google-chrome-stable ||
			[ -d "/Applications/Google Chrome.app" ] || [ -d /Applications/Chromium.app ]
		;;
	firefox) have firefox-esr || have firefox ;;
	webkit)
		have WebKitWebDriver && have Xvfb && [ -n "$(find /usr/lib /usr/libexec -name MiniBrowser 2>/dev/null)" ] &&
			for plugin in libav isomp4 videoparsersbad audioparsers; do
				[ -n "$(find /usr/lib /usr/lib64 -name "libgst$plugin.so" 2>/dev/null)" ] || return 1
			done
		;;
	python) python3 -c 'import numpy, pytest' 2>/dev/null || /usr/bin/python3 -c 'import numpy, pytest' 2>/dev/null ;;
	gcc) have gcc || have cc || have clang ;;
	nginx-rtmp) have nginx && [ -n "$(find /usr/lib/nginx /usr/lib64/nginx /usr/local -name ngx_rtmp_module.so 2>/dev/null)" ] ;;
	*) have "$1" ;;
	esac
}

# package_of is what a package manager calls a program: package_of apt-get node -> nodejs.
package_of() {
	case $1/$2 in
	apt-get/node | pacman/node | dnf/node | apk/node) echo nodejs ;;
	apt-get/python | dnf/python) echo python3-numpy python3-pytest ;;
	brew/python) echo python numpy pytest ;;
	pacman/python) echo python-numpy python-pytest ;;
	apk/python) echo py3-numpy py3-pytest ;;
	apt-get/gcc) echo gcc libc6-dev ;;
	apt-get/firefox) echo firefox-esr ;;
	*/tsreport) echo tstools ;;
	apt-get/webkit) echo webkit2gtk-driver xvfb gstreamer1.0-libav gstreamer1.0-plugins-good gstreamer1.0-plugins-bad ;;
	apt-get/gst-launch-1.0)
		echo gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav
		;;
	apt-get/nginx-rtmp) echo nginx libnginx-mod-rtmp ;;
	brew/nginx-rtmp) echo "denji/nginx/nginx-full --with-rtmp-module" ;;
	brew/npm) echo node ;;
	brew/redis-server | pacman/redis-server | dnf/redis-server | apk/redis-server) echo redis ;;
	brew/chromium) echo --cask google-chrome ;;
	dnf/npm) echo nodejs-npm ;;
	apk/gcc) echo gcc musl-dev ;;
	*) echo "$2" ;;
	esac
}

# command_for is the command that a person would install a program with here.
command_for() {
	if [ "$1" = gcc ] && [ "$(uname -s)" = Darwin ]; then
		echo "xcode-select --install"
	elif have apt-get; then
		echo "apt-get install $(package_of apt-get "$1")   (as root)"
	elif have brew || [ "$(uname -s)" = Darwin ]; then
		echo "brew install $(package_of brew "$1")"
	elif have dnf; then
		echo "sudo dnf install $(package_of dnf "$1")"
	elif have pacman; then
		echo "sudo pacman -S $(package_of pacman "$1")"
	elif have apk; then
		echo "sudo apk add $(package_of apk "$1")"
	else
		echo "install it with your system's package manager"
	fi
}

# go_ok checks Go, which is never installed from here: Debian's own is older than what go.mod asks for.
go_ok() {
	want=$(awk '$1 == "go" { print $2; exit }' go.mod)
	if ! have go; then
		echo "deps: Go is missing: install Go $want or newer (https://go.dev/dl/) and put its bin folder on the PATH" >&2
		return 1
	fi
	# A Go with GOTOOLCHAIN=auto answers for the version that go.mod makes it switch to, or fails to.
	got=$(go env GOVERSION 2>/dev/null) || got=$(GOTOOLCHAIN=local go version 2>&1 | tail -n 1)
	if ! printf '%s %s\n' "$want" "${got#go}" | awk '{
		n = split($1, w, "."); split($2, g, /[^0-9]/)
		for (i = 1; i <= n; i++) if (g[i] + 0 != w[i] + 0) exit !(g[i] + 0 > w[i] + 0)
	}'; then
		echo "deps: Go is too old (${got}): install Go $want or newer (https://go.dev/dl/)" >&2
		return 1
	fi
}

missing=
failed=0
for name in "$@"; do
	case $name in
	go)
		go_ok || failed=1
		continue
		;;
	player)
		# The same condition as make's: the library is older than the lock file that names its version.
		if [ ! -f static/dist/hls.min.js ] || [ -n "$(find package-lock.json -newer static/dist/hls.min.js)" ]; then
			set -- node npm
		else
			continue
		fi
		;;
	*) set -- "$name" ;;
	esac
	for p in "$@"; do
		present "$p" || missing="$missing $p"
	done
done
[ $failed = 0 ] || exit 1
[ -n "$missing" ] || exit 0

complain() {
	echo "deps: $1" >&2
	for p in $missing; do
		echo "  $p is missing: $(command_for "$p")" >&2
	done
	exit 1
}

have apt-get || complain "these programs are needed, and can only be installed automatically on Debian:"

packages=
for p in $missing; do
	packages="$packages $(package_of apt-get "$p")"
done
if [ "$(id -u)" = 0 ]; then
	as_root=
elif ! have sudo; then
	complain "these programs are needed, and installing them takes root or sudo:"
elif [ -t 0 ]; then
	as_root=sudo
else
	# Nobody is there to type a password.
	sudo -n true 2>/dev/null || complain "these programs are needed, and sudo asks for a password or refuses:"
	as_root="sudo -n"
fi
echo "deps: installing$packages" >&2
# shellcheck disable=SC2086 # both are lists of words
$as_root sh scripts/deps.sh --install $packages >&2 || complain "apt-get failed; still needed:"
for p in $missing; do
	present "$p" || complain "apt-get was run, and yet:"
done

# make run    install what is missing, build, start the live stream, a new one with sound; Ctrl+C stops it (flags: make run RUN_ARGS="--fps 25")
# make test   install what is missing, run every test in its short form
# make check  format, vet (for Windows and macOS too), lint, race detector, the tests' long forms, a short fuzz of every fuzz target
# make bench  print the table of measurements (flags: make bench BENCH_ARGS="--json")
# make build  only build bin/refstream
# make dist   build static programs for Linux and macOS into dist/, with completions, licences and SHA256SUMS
# make image  build the Docker image
# make deps   only install and fetch what all of the above need

RUN_ARGS   ?=
TESTFLAGS  ?=
BENCH_ARGS ?=
FUZZTIME   ?= 3s

# Three test binaries at a time: many tests wait for a stream that goes at its own pace, and more encoders at once make a small
# machine miss its frames. With -trimpath they are compiled once for all clones, and for make build too.
GOTEST = go test -trimpath -p 3
# The release is the git tag, or how far behind it this source is.
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOBUILD   = go build -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION)"
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

LINT   = go tool -modfile=tools/go.mod golangci-lint
PLAYER = static/dist/dash.mediaplayer.min.js
DEPS   = sh scripts/deps.sh

.PHONY: run test check bench build dist image deps programs-run programs-test programs-check programs-bench programs-all

# exec: the shell makes room for the server, so that signals reach it and not a shell that dies and leaves it behind. A new stream has
# sound, unless RUN_ARGS or the environment say otherwise; one that is there already stays as it was.
run: programs-run build
	@exec env REFSTREAM_AUDIO="$${REFSTREAM_AUDIO-new}" bin/refstream serve $(RUN_ARGS)

test: programs-test $(PLAYER)
	@set -e; files=$$(find static -name '*.test.js' -o -name '*.test.mjs'); \
	if [ -n "$$files" ]; then echo "node --test" $$files; node --test $$files; fi
	$(GOTEST) -short -vet=off -timeout 15m $(TESTFLAGS) ./cmd/refstream ./...

# What check runs without the race detector is what has a long form, or was left out before: the packages, and of the program's own
# tests those in files, that ask for testing.Short or open a page.
LONG_PACKAGES = $$(grep -rl --include='*_test.go' --exclude-dir=node_modules 'testing\.Short()' . | xargs -n 1 dirname | sort -u | grep -v cmd/refstream$$)
LONG_TESTS    = ^($$(sed -n 's/^func \(Test[A-Za-z]*\).*/\1/p' $$(grep -lE 'testing\.Short|shortOr|openBrowser' cmd/refstream/*_test.go) | paste -sd '|' -))$$

# The program's own tests are alone: in their long form half of 60 pictures a second are to be read in a browser. With the race
# detector the program needs much of a small machine: two tests at a time, without the pages, whose browsers need it too, and
# without the many clips of the matrix.
check: programs-check $(PLAYER)
	@echo gofmt; out=$$(gofmt -l $$(go list -f '{{.Dir}}' ./...)); \
	if [ -n "$$out" ]; then echo "not formatted, run gofmt -w on:"; echo "$$out"; exit 1; fi
	go vet ./...
	GOOS=windows go build ./... && GOOS=windows go vet ./...
	GOOS=darwin go build ./... && GOOS=darwin go vet ./...
	$(LINT) run
	$(GOTEST) -race -short -vet=off -timeout 30m $(TESTFLAGS) $$(go list ./... | grep -v cmd/refstream$$)
	$(GOTEST) -race -short -vet=off -timeout 60m -parallel 2 -skip '^Test(Page|Player|Matrix)' $(TESTFLAGS) ./cmd/refstream
	$(GOTEST) -vet=off -timeout 30m $(TESTFLAGS) $(LONG_PACKAGES)
	$(GOTEST) -vet=off -timeout 60m -run "$(LONG_TESTS)" $(TESTFLAGS) ./cmd/refstream
	sh scripts/fuzz.sh $(FUZZTIME)

bench: programs-bench build
	go build -o bin/bench ./cmd/bench
	@exec bin/bench --refstream bin/refstream $(BENCH_ARGS)

build: $(PLAYER)
	$(GOBUILD) -o bin/refstream ./cmd/refstream

# Without cgo a program is whole by itself; its page is in it. The completions are written by the program that runs here.
dist: build
	rm -rf dist
	mkdir -p dist/completions
	@set -e; for p in $(PLATFORMS); do \
	name=dist/refstream-$${p%/*}-$${p#*/}; echo $$name; \
	CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GOBUILD) -o $$name ./cmd/refstream; done
	@set -e; for shell in bash zsh fish; do bin/refstream completion $$shell >dist/completions/refstream.$$shell; done
	bin/refstream man dist/man
	cp LICENSE THIRD_PARTY.md dist/
	cd dist && sums=$$(command -v sha256sum || echo shasum -a 256) && $$sums refstream-* completions/* man/* LICENSE THIRD_PARTY.md >SHA256SUMS

image:
	@command -v docker >/dev/null || { echo "make image: docker is missing: see https://docs.docker.com/engine/install/" >&2; exit 1; }
	docker build --build-arg VERSION=$(VERSION) -t refstream:$(VERSION) -t refstream .

deps: programs-all $(PLAYER)
	go mod download
	go -C tools mod download

# The libraries of the pages, from the versions and checksums that the lock file pins.
$(PLAYER): package.json package-lock.json
	@$(DEPS) player
	npm ci --no-audit --no-fund
	cp node_modules/hls.js/LICENSE static/dist/hls.LICENSE
	cp node_modules/swagger-ui-dist/swagger-ui.css node_modules/swagger-ui-dist/swagger-ui-bundle.js static/dist/
	cd node_modules/swagger-ui-dist && cat LICENSE NOTICE swagger-ui-bundle.js.LICENSE.txt >../../static/dist/swagger-ui.LICENSE
	cp node_modules/hls.js/dist/hls.min.js static/dist/
	sh scripts/dash-licences.sh >static/dist/dash.LICENSE
	cp node_modules/dashjs/dist/modern/umd/dash.mediaplayer.min.js $@
	@touch $@

static/dist/hls.min.js: $(PLAYER) ;

programs-run:
	@$(DEPS) go ffmpeg player
programs-test:
	@$(DEPS) go ffmpeg node npm redis-server chromium webkit nginx-rtmp rtmpdump tsreport gst-launch-1.0 python
programs-check:
	@$(DEPS) go ffmpeg node npm redis-server chromium firefox webkit nginx-rtmp rtmpdump tsreport gst-launch-1.0 python gcc
programs-bench:
	@$(DEPS) go ffmpeg player redis-server nginx-rtmp wrk
programs-all:
	@$(DEPS) go ffmpeg node npm redis-server chromium firefox webkit nginx-rtmp rtmpdump tsreport gst-launch-1.0 python gcc wrk

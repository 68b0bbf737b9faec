# syntax=docker/dockerfile:1

# Base images, so that a mirror or another release can be named: docker build --build-arg GO_IMAGE=...
ARG GO_IMAGE=golang:1.26-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim
ARG DEBIAN_IMAGE=debian:bookworm-slim

# The libraries of the pages, from the versions and checksums that the lock file pins.
FROM ${NODE_IMAGE} AS player
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY scripts/dash-licences.sh scripts/
RUN npm ci --no-audit --no-fund \
 && sh scripts/dash-licences.sh >dash.LICENSE \
 && cd node_modules/swagger-ui-dist && cat LICENSE NOTICE swagger-ui-bundle.js.LICENSE.txt >/src/swagger-ui.LICENSE

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=player /src/node_modules/hls.js/dist/hls.min.js static/dist/hls.min.js
COPY --from=player /src/node_modules/hls.js/LICENSE static/dist/hls.LICENSE
COPY --from=player /src/node_modules/dashjs/dist/modern/umd/dash.mediaplayer.min.js /src/dash.LICENSE static/dist/
COPY --from=player /src/node_modules/swagger-ui-dist/swagger-ui.css /src/node_modules/swagger-ui-dist/swagger-ui-bundle.js static/dist/
COPY --from=player /src/swagger-ui.LICENSE static/dist/swagger-ui.LICENSE
# What --version prints: make image gives the git tag, which is not in here.
ARG VERSION=dev
# Without cgo the binary doesn't depend on the C library of the image it is built in.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-X main.version=$VERSION" -o /out/refstream ./cmd/refstream

FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ffmpeg \
 && rm -rf /var/lib/apt/lists/*
# A fixed number, so that the owner of files in a shared volume is the same in every container.
RUN groupadd --gid 10001 refstream \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin refstream \
 && install -d -o refstream -g refstream /data
COPY LICENSE THIRD_PARTY.md /usr/share/doc/refstream/
COPY --from=build /out/refstream /usr/local/bin/refstream

USER 10001:10001
# Within a container the server has to listen on every address to be reached at all; publish the port with care.
ENV REFSTREAM_ADDR=0.0.0.0:8080 \
    REFSTREAM_DATA=/data
VOLUME /data
EXPOSE 8080
# A clean stop ends ffmpeg, publishes the last segment and closes the playlist.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["refstream", "health"]
ENTRYPOINT ["refstream"]
CMD ["serve"]

// Wires the plain player: the stream at stream.m3u8, or where the query parameter src says, on this host.

import { Recording, ReplayApi } from './player/recording.js';
import { StreamPlayer } from './player/stream-player.js';
import { TroubleList } from './player/stream-trouble.js';
import { StreamView } from './player/stream-view.js';

const asked = new URLSearchParams(location.search).get('src') || 'stream.m3u8';
const src = URL.canParse(asked, location.href) ? new URL(asked, location.href) : null;
const video = document.getElementById('video');
const link = document.getElementById('source');
// A recording's playlists are those that were asked for then: partial segments come with none of them.
const player = new StreamPlayer(video, src?.href ?? '', { lowLatencyMode: false });
const troubles = new TroubleList();
const view = new StreamView(document, player, troubles);
const recording = new Recording(document.getElementById('recording'), new ReplayApi(), () => player.restart());
const began = performance.now();

const own = src?.origin === location.origin;
link.textContent = own ? src.pathname + src.search : asked;
if (own) link.href = src.href;
else link.removeAttribute('href');

player.addEventListener('trouble', ({ detail }) => troubles.add(detail, (performance.now() - began) / 1000));

if (!own) {
  view.fatal('This page plays streams of its own host only', `${asked} is not an address there.`);
} else if (!player.supported) {
  view.fatal('This browser can’t play the stream', 'It has neither HLS nor Media Source Extensions. A current Chrome, Edge, Firefox or Safari has.');
} else {
  player.load();
  recording.start();
  setInterval(() => player.tick(performance.now()), 250);
}
view.render();
setInterval(() => view.render(), 250);

// What browser tests and the curious look at.
window.refstreamPlayer = {
  troubles,
  recording,
  get state() {
    return {
      connection: view.state,
      time: video.currentTime,
      paused: video.paused,
      live: player.live,
      latency: player.latency,
      buffer: player.bufferAhead,
      dateTime: player.dateTime,
      size: [video.videoWidth, video.videoHeight],
      attempts: player.attempts,
    };
  },
};

// Wires the page: the player, the clocks, the timeline, the marker table, the self-check and the trigger.

import { Api } from './api.js';
import { ClocksView } from './clocks-view.js';
import { ServerTime, StreamClock, parseUtc } from './clocks.js';
import { DetectionFeed, DetectionRows } from './detections.js';
import { Keyboard } from './keyboard.js';
import { MarkerFeed } from './markers.js';
import { MarkerTable } from './marker-table.js';
import { Player } from './player.js';
import { SegmentMap } from './segment-map.js';
import { SeiIndex, parseFrameRecord } from './sei-index.js';
import { SelfCheck } from './self-check.js';
import { SelfCheckView } from './self-check-view.js';
import { StatusView } from './status-view.js';
import { Timeline } from './timeline.js';
import { Trigger } from './trigger.js';

const $ = (selector) => document.querySelector(selector);

// Numbers that change with every frame can't be read. Ten times a second they can, and painting the page with every frame
// costs a machine without a GPU more than the stream does.
const REFRESH_MS = 100;

// How far, in frames, the player's time may be from that of the picture it shows.
const NEAR_FRAMES = 2;

class App {
  constructor() {
    this.api = new Api(new URLSearchParams(location.search).get('channel') ?? '');
    this.serverTime = new ServerTime();
    this.info = null;
    this.clock = null;
    this.map = null;
    this.sei = null;
    this.shown = { frame: null, mediaTime: null, record: null };
    this.missedAnswers = 0;
    this.video = $('#video');
    this.player = new Player(this.video, this.api);
    this.feed = new MarkerFeed(this.api, () => this.missedAnswers === 0);
    this.detections = new DetectionFeed(this.api, {
      isUp: () => this.missedAnswers === 0,
      fps: () => this.clock.fps,
      start: () => (this.map?.segments.length ? this.map.firstFrame / this.clock.fps : null),
    });
    this.selfCheck = new SelfCheck(this.video, {
      frameAt: (t) => this.map?.frameAt(t) ?? null,
      recordAt: (t) => this.sei?.find(t) ?? null,
      fps: () => this.clock.fps,
    });
    this.views();
    this.listen();
  }

  views() {
    this.status = new StatusView(document, this);
    this.clocksView = new ClocksView($('#clocks'), this);
    this.checkView = new SelfCheckView($('#self-check'), this.selfCheck);
    this.timeline = new Timeline($('#timeline'), {
      window: () => this.window(),
      position: () => this.video.currentTime,
      clock: () => this.clock,
      frameAt: (t) => this.map?.frameCovering(t) ?? null,
      buffered: () => Array.from(this.video.buffered, (_, i) => ({
        start: this.video.buffered.start(i), end: this.video.buffered.end(i),
      })),
      gaps: () => this.map?.segments.filter((s) => s.gap) ?? [],
      markers: () => this.marksInWindow(),
      seek: (t) => this.player.seek(t),
      seekToMarker: (id) => this.seekToMarker(id),
      live: () => this.player.goLive(),
    });
    this.rows = new DetectionRows($('#detections'), {
      window: () => this.window(),
      rows: () => this.detections.rows,
      placeOf: (frame) => (this.map && frame >= this.map.firstFrame && frame < this.map.endFrame ? this.map.timeOf(frame) : null),
    });
    this.table = new MarkerTable($('#markers'), {
      markers: () => this.feed.list,
      pending: () => [...this.feed.pending.values()],
      isPending: (id) => this.feed.pending.has(id),
      clock: () => this.clock,
      placeOf: (marker) => this.placeOf(marker),
      seekToMarker: (id) => this.seekToMarker(id),
    });
    this.trigger = new Trigger($('#trigger'), {
      api: this.api,
      feed: this.feed,
      clock: () => this.clock,
      serverNow: () => this.serverNow(),
      latency: () => this.latency(),
      shownFrame: () => this.shown.frame ?? -1,
    });
    this.keyboard = new Keyboard(this);
  }

  listen() {
    const { player, feed, selfCheck } = this;
    player.addEventListener('segments', () => this.remap());
    player.addEventListener('reload', () => {
      this.sei?.clear();
      this.map = null;
      selfCheck.forget();
    });
    player.addEventListener('userdata', ({ detail }) => {
      for (const sample of detail) {
        const record = parseFrameRecord(sample);
        if (record && Number.isFinite(sample.pts)) this.sei?.add(sample.pts, record);
      }
    });
    selfCheck.addEventListener('sample', ({ detail }) => {
      this.shown = { frame: detail.pixels ?? detail.media, mediaTime: detail.mediaTime, record: detail.record };
    });
    feed.addEventListener('added', ({ detail }) => {
      this.fresh = new Set(detail.initial ? [] : detail.markers.map((m) => m.id));
    });
    feed.addEventListener('changed', () => {
      this.table.render(this.fresh);
      this.fresh = new Set();
      this.timeline.render();
    });
  }

  /** Begins: polls the clocks until they answer, then plays. */
  run() {
    if (!this.player.supported) {
      this.status.fatal('This browser can play neither HLS nor Media Source Extensions. A current Chrome, Edge, Firefox or Safari can.');
    }
    this.poll();
    setInterval(() => this.poll(), 1000);
    setInterval(() => this.refresh(), 250);
    setInterval(() => {
      this.clocksView.paint(this.serverNow());
      this.timeline.renderHead();
      this.checkView.render();
    }, REFRESH_MS);
  }

  async poll() {
    if (!this.polling) {
      this.polling = true;
      try {
        await this.ask();
      } finally {
        this.polling = false;
      }
    }
    if (this.clock) this.player.tick(performance.now(), this.missedAnswers === 0);
    this.timeline.announce();
    this.status.render();
  }

  async ask() {
    try {
      const { clocks, sentAt, receivedAt } = await this.api.clocks();
      this.missedAnswers = 0;
      this.answer = '';
      const serverNanos = parseUtc(clocks.server_time);
      if (serverNanos !== null) this.serverTime.add(sentAt, receivedAt, serverNanos);
      this.learn(clocks, receivedAt);
    } catch (error) {
      this.missedAnswers++;
      this.answer = error.message;
    }
  }

  learn(info, at) {
    const another = !this.clock || ['channel', 'epoch', 'fps_num', 'fps_den', 'drop_frame'].some((k) => info[k] !== this.info[k]);
    this.info = info;
    this.infoAt = at;
    if (!another) return;
    // Also when the server comes back with another epoch or rate: then nothing known before means anything now.
    const first = !this.clock;
    this.clock = new StreamClock(info);
    this.sei = new SeiIndex(this.clock.fps);
    this.api.channel = info.channel;
    if (!first) {
      location.reload();
      return;
    }
    this.status.describe(info, this.clock);
    this.video.style.aspectRatio = `${info.width} / ${info.height}`;
    this.player.load();
    if (!this.selfCheck.start()) this.checkView.unsupported();
    const windowSeconds = (info.window_segments * info.frames_per_segment) / this.clock.fps;
    const now = Number(info.server_frame ?? info.latest?.frame ?? 0) / this.clock.fps;
    this.feed.start(now - windowSeconds - 60);
    this.detections.start();
    this.table.render();
  }

  remap() {
    if (this.clock) this.map = new SegmentMap(this.clock, this.player.segments());
  }

  refresh() {
    this.timeline.render();
    this.rows.render();
    this.table.renderPlaces(this.shown.frame ?? -1);
    this.trigger.tick();
    this.status.renderControls();
  }

  serverNow() {
    return this.serverTime.at(performance.now());
  }

  serverLive() {
    return this.missedAnswers === 0 && Boolean(this.info?.live);
  }

  /** Seconds between the nominal time of the displayed frame and now, on the server's clock; null if not known. */
  latency() {
    const now = this.serverNow();
    const frame = this.currentFrame();
    if (now === null || frame === null) return null;
    return now / 1000 - Number(this.clock.utcNanos(frame) / 1000n) / 1e6;
  }

  /** The frame on screen; null while there is no picture or the player is in a gap. */
  currentFrame() {
    const { video, shown, clock } = this;
    if (video.readyState < 2) return null;
    // The player's time runs beside its pictures: stopped, it may stand a frame before the one that is shown. So the
    // picture that was seen last counts, unless the player has gone elsewhere since.
    if (shown.mediaTime !== null && shown.frame !== null && !video.seeking
      && Math.abs(video.currentTime - shown.mediaTime) * clock.fps < NEAR_FRAMES) return shown.frame;
    return this.map?.frameCovering(video.currentTime) ?? null;
  }

  window() {
    const start = this.player.windowStart;
    const end = this.player.edge;
    return start !== null && end !== null && end > start ? { start, end } : null;
  }

  marksInWindow() {
    const { map } = this;
    if (!map?.segments.length) return [];
    const all = [...this.feed.list, ...[...this.feed.pending.values()].map((m) => ({ ...m, isPending: true }))];
    return all
      .filter((m) => m.last_frame >= map.firstFrame && m.frame < map.endFrame)
      .map((marker) => ({ marker, start: map.timeOf(marker.frame), end: map.timeOf(marker.last_frame + 1) }));
  }

  placeOf(marker) {
    const { map } = this;
    if (!map?.segments.length || marker.frame >= map.endFrame) return 'ahead';
    if (marker.frame < map.firstFrame) return 'left';
    return map.seekTimeOf(marker.frame) === null ? 'gap' : 'here';
  }

  /** Shows the first frame of a marker; false where the player can't. */
  seekToMarker(id) {
    const marker = this.feed.byId.get(id) ?? this.feed.pending.get(id);
    if (!marker) return false;
    return this.seekToFrame(marker.frame, marker.text || marker.id);
  }

  seekToFrame(frame, name = `Frame ${frame}`) {
    const time = this.map?.seekTimeOf(frame) ?? null;
    if (time === null) {
      const place = this.placeOf({ frame });
      const why = { left: 'has left the window', ahead: 'is not published yet', gap: 'begins with a frame that is missing' }[place];
      this.status.toast(`${name} ${why ?? 'can’t be shown'}.`);
      return false;
    }
    this.video.currentTime = time;
    this.status.toast(`${name} · ${this.clock.timecode(frame)}`);
    return true;
  }

  /** Pauses and shows the frame that is `count` frames on. */
  step(count) {
    this.player.pause();
    const frame = this.currentFrame();
    const time = frame === null ? null : this.map.seekTimeOf(frame + count);
    if (time !== null) this.video.currentTime = time;
  }

  /** Goes to the marker after (1) or before (-1) the frame on screen. */
  neighbour(direction) {
    const frame = this.currentFrame();
    if (frame === null) return;
    const here = this.feed.list.filter((m) => this.placeOf(m) === 'here');
    // Half a second into a marker, "before" still means the one before it.
    const slack = direction < 0 ? Math.round(this.clock.fps / 2) : 0;
    const next = direction > 0
      ? here.find((m) => m.frame > frame)
      : here.findLast((m) => m.frame < frame - slack);
    if (next) this.seekToMarker(next.id);
    else this.status.toast(direction > 0 ? 'No later marker yet.' : 'No earlier marker in the window.');
  }
}

const app = new App();
app.run();

// What browser tests and the curious look at.
window.refstream = {
  selfCheck: app.selfCheck,
  seekToMarker: (id) => app.seekToMarker(id),
  seekToFrame: (n) => app.seekToFrame(n),
  get state() {
    return {
      connection: app.status.connection,
      channel: app.info?.channel ?? null,
      run: app.info?.run ?? null,
      paused: app.video.paused,
      atLive: app.player.atLive,
      mediaTime: app.video.currentTime,
      frame: app.currentFrame(),
      latency: app.latency(),
      window: app.window(),
      markers: app.feed.list.map((m) => m.id),
      pending: [...app.feed.pending.keys()],
    };
  },
};

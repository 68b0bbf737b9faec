// Wires the page: the player, the clocks, the timeline, the marker table, the self-check, the trigger and the addresses.

import { Addresses } from './addresses.js';
import { Api } from './api.js';
import { Channels } from './channels.js';
import { ServerTime, StreamClock, parseUtc } from './clocks.js';
import { Keyboard } from './keyboard.js';
import { StatusView } from './status-view.js';
import { FrameShow } from './check/frame-show.js';
import { SegmentMap } from './check/segment-map.js';
import { SeiIndex, parseFrameRecord } from './check/sei-index.js';
import { SelfCheckView } from './check/self-check-view.js';
import { SelfCheck } from './check/self-check.js';
import { SoundView } from './check/sound-view.js';
import { ChannelPlayer } from './player/channel-player.js';
import { Choices } from './player/choices.js';
import { Sound } from './player/sound.js';
import { ClocksView } from './truth/clocks-view.js';
import { DetectionFeed, DetectionRows } from './truth/detections.js';
import { FaultFeed } from './truth/faults.js';
import { FaultsView } from './truth/faults-view.js';
import { MarkerTable } from './truth/marker-table.js';
import { MarkerFeed } from './truth/markers.js';
import { MissingFeed } from './truth/missing.js';
import { Timeline } from './truth/timeline.js';
import { Trigger } from './truth/trigger.js';

const $ = (selector) => document.querySelector(selector);

// Numbers that change with every frame can't be read. Ten times a second they can, and painting the page with every frame
// costs a machine without a GPU more than the stream does.
const REFRESH_MS = 100;

// How far, in frames, the player's time may be from that of the picture it shows.
const NEAR_FRAMES = 2;

class App {
  constructor() {
    this.api = new Api();
    this.channels = new Channels($('#channels'), this.api, new URLSearchParams(location.search).get('channel') ?? '');
    this.serverTime = new ServerTime();
    this.info = null;
    this.clock = null;
    this.map = null;
    this.sei = null;
    this.shown = { frame: null, mediaTime: null, record: null };
    this.missedAnswers = 0;
    // Where the server has no such channel: what it says, and the channels that it has.
    this.noChannel = null;
    this.video = $('#video');
    this.player = new ChannelPlayer(this.video, this.api);
    this.sound = new Sound(this.video, $('#sound'));
    this.choices = new Choices($('#form'), $('#quality'), this.player, (message) => this.status.toast(message));
    this.feed = new MarkerFeed(this.api, () => this.isUp());
    this.faults = new FaultFeed(this.api, () => this.isUp());
    this.detections = new DetectionFeed(this.api, {
      isUp: () => this.isUp(),
      fps: () => this.clock.fps,
      start: () => (this.map?.segments.length ? this.map.firstFrame / this.clock.fps : null),
    });
    this.missing = new MissingFeed(this.api, {
      isUp: () => this.isUp(),
      gaps: () => this.gaps(),
      framesPerSegment: () => this.clock.framesPerSegment,
    });
    this.selfCheck = new SelfCheck(this.video, {
      frameAt: (t) => this.map?.frameAt(t) ?? null,
      recordAt: (t) => this.sei?.find(t) ?? null,
      fps: () => this.clock.fps,
      judge: (sample) => this.faults.judge(sample),
    });
    this.frames = new FrameShow({
      pause: () => this.player.pause(),
      paused: () => this.video.paused,
      position: () => this.video.currentTime,
      fps: () => this.clock.fps,
      seekTimeOf: (frame) => this.map?.seekTimeOf(frame) ?? null,
      still: (time) => this.selfCheck.watch.still(time),
    });
    this.views();
    this.listen();
  }

  views() {
    this.status = new StatusView(document, this);
    this.clocksView = new ClocksView($('#clocks'), this);
    this.checkView = new SelfCheckView($('#self-check'), this.selfCheck);
    this.soundView = new SoundView($('#meet'), {
      sound: this.sound,
      video: this.video,
      fps: () => this.clock.fps,
      markerAt: (frame) => this.feed.list.findLast((m) => m.frame <= frame && frame <= m.last_frame && !m.hidden_by) ?? null,
    });
    this.timeline = new Timeline($('#timeline'), {
      window: () => this.window(),
      position: () => this.video.currentTime,
      clock: () => this.clock,
      frameAt: (t) => this.map?.frameCovering(t) ?? null,
      buffered: () => Array.from(this.video.buffered, (_, i) => ({
        start: this.video.buffered.start(i), end: this.video.buffered.end(i),
      })),
      gaps: () => this.gaps(),
      reasonAt: (t) => this.missing.reasonAt(this.map?.gapAt(t) ?? null),
      behind: (t) => this.behindAt(t),
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
      missingOf: (marker) => this.missing.of(marker),
      seekToMarker: (id) => this.seekToMarker(id),
    });
    this.faultsView = new FaultsView($('#fault-rows'), $('#faults'), this);
    this.trigger = new Trigger($('#trigger'), {
      api: this.api,
      feed: this.feed,
      clock: () => this.clock,
      serverNow: () => this.serverNow(),
      behindLive: () => this.behindLive(),
      isUp: () => this.isUp(),
      shownFrame: () => this.shown.frame ?? -1,
    });
    this.addresses = new Addresses($('#addresses'), {
      api: this.api,
      isUp: () => this.isUp(),
      channels: this.channels,
      // The last second that is whole: its sound is known.
      second: () => (this.info.latest?.time >= 1 ? Math.floor(this.info.latest.time) - 1 : null),
    });
    this.keyboard = new Keyboard(this, $('#shortcuts'));
  }

  listen() {
    const { player, feed, selfCheck } = this;
    player.addEventListener('segments', () => this.remap());
    player.addEventListener('reload', () => {
      this.sei?.clear();
      this.map = null;
      selfCheck.forget();
      this.soundView.clear();
    });
    player.addEventListener('userdata', ({ detail }) => {
      for (const sample of detail) {
        const record = parseFrameRecord(sample);
        if (record && Number.isFinite(sample.pts)) this.sei?.add(sample.pts, record);
      }
    });
    selfCheck.addEventListener('sample', ({ detail }) => {
      const { pixels, sei, media, mediaTime, record, fault } = detail;
      // A faulty picture may show another frame.
      this.soundView.see(detail);
      this.shown = { frame: fault?.layer === 'picture' ? sei ?? media : pixels ?? media, mediaTime, record };
    });
    this.faults.addEventListener('changed', () => selfCheck.judge());
    feed.addEventListener('added', ({ detail }) => {
      this.fresh = new Set(detail.initial ? [] : detail.markers.map((m) => m.id));
    });
    feed.addEventListener('changed', () => {
      this.table.render(this.fresh);
      this.fresh = new Set();
      this.timeline.render();
    });
    this.missing.addEventListener('changed', () => this.remap());
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
      this.clocksView.paint();
      this.timeline.renderHead();
      this.checkView.render(this.status.connection);
      this.soundView.render();
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
    if (this.clock) this.player.tick(performance.now(), this.isUp());
    this.timeline.announce();
    this.status.render();
    if (this.status.connection === 'down') {
      // What was said before is of a stream that is gone.
      this.trigger.clear();
      this.status.clearToast();
    }
  }

  async ask() {
    try {
      if (this.channels.asked && !this.channels.entry) await this.channels.ask();
      const { clocks, sentAt, receivedAt } = await this.api.clocks();
      this.missedAnswers = 0;
      this.noChannel = this.channels.gone;
      const serverNanos = parseUtc(clocks.server_time);
      if (serverNanos !== null) this.serverTime.add(sentAt, receivedAt, serverNanos);
      this.learn(clocks, receivedAt);
    } catch (error) {
      // The server does not know the channel, or wants one to be named: its list says which there are.
      this.noChannel = error.status === 404 || error.status === 400 ? await this.channels.instead(error.message) : null;
      this.missedAnswers = this.noChannel ? 0 : this.missedAnswers + 1;
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
    this.sound.offer(Boolean(info.audio));
    this.choices.offer(info, this.api.twin !== '');
    this.status.describe({ ...info, channel: this.channels.current }, this.clock);
    this.video.style.aspectRatio = `${info.width} / ${info.height}`;
    this.player.load();
    if (!this.selfCheck.start()) this.checkView.unsupported();
    const windowSeconds = (info.window_segments * info.frames_per_segment) / this.clock.fps;
    const now = Number(info.server_frame ?? info.latest?.frame ?? 0) / this.clock.fps;
    this.feed.start(now - windowSeconds - 60);
    if (this.api.twin) this.faults.start(Math.floor((now - windowSeconds) * this.clock.fps), info.frames_per_segment);
    this.detections.start();
    this.missing.start();
    this.addresses.start();
    this.table.render();
  }

  remap() {
    if (!this.clock) return;
    this.map = new SegmentMap(this.clock, this.player.segments());
    this.status.renderGaps(this.missing.text());
  }

  gaps() {
    return this.map?.segments.filter((s) => s.gap) ?? [];
  }

  refresh() {
    this.timeline.render();
    this.rows.render();
    this.faultsView.render();
    this.table.renderPlaces(this.shown.frame ?? -1);
    this.trigger.tick();
    this.status.renderControls();
  }

  serverNow() {
    return this.serverTime.at(performance.now());
  }

  /** Whether the server answers, and has the channel. */
  isUp() {
    return this.missedAnswers === 0 && this.noChannel === null;
  }

  serverLive() {
    return this.isUp() && Boolean(this.info?.live);
  }

  /**
   * What "behind live" means wherever the page says it: the seconds from a frame's nominal time to now, on the server's clock;
   * null where the stream is not live or there is no frame.
   */
  behindLive(frame = this.currentFrame()) {
    const now = this.serverNow();
    if (now === null || frame === null || !this.serverLive()) return null;
    return now / 1000 - Number(this.clock.utcNanos(frame) / 1000n) / 1e6;
  }

  /** The same for a place in the window, which may be in a gap. */
  behindAt(mediaTime) {
    const { map } = this;
    const end = map?.segments.length ? this.behindLive(map.endFrame) : null;
    return end === null ? null : end + map.end - mediaTime;
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

  /** Stops on the first frame of a marker, with the picture in view; false where the player can't. */
  seekToMarker(id) {
    const marker = this.feed.byId.get(id) ?? this.feed.pending.get(id);
    if (!marker) return false;
    const name = marker.text || marker.id;
    if (!this.canShow(marker.frame, name)) return false;
    this.video.parentElement.scrollIntoView({ block: 'nearest' });
    this.frames.show(marker.frame).then((shown) => {
      const where = `${name} · ${this.clock.timecode(marker.frame)}`;
      if (shown) this.status.toast(`${where} · its first frame`);
      else if (shown === false) this.status.toast(`${where} · the number in the picture can’t be read, or is another`);
    });
    return true;
  }

  seekToFrame(frame, name = `Frame ${frame}`) {
    if (!this.canShow(frame, name)) return false;
    this.video.currentTime = this.map.seekTimeOf(frame);
    this.status.toast(`${name} · ${this.clock.timecode(frame)}`);
    return true;
  }

  // Whether the player has a frame; a note says why not.
  canShow(frame, name) {
    if ((this.map?.seekTimeOf(frame) ?? null) !== null) return true;
    const why = {
      left: 'has left the window', ahead: 'is not published yet', gap: 'begins with a frame that is not in the stream',
    }[this.placeOf({ frame })];
    this.status.toast(`${name} ${why ?? 'can’t be shown'}.`);
    return false;
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
  sound: app.soundView.meets,
  seekToMarker: (id) => app.seekToMarker(id),
  seekToFrame: (n) => app.seekToFrame(n),
  get state() {
    return {
      connection: app.status.connection,
      channel: app.info && app.channels.current,
      run: app.info?.run ?? null,
      paused: app.video.paused,
      atLive: app.player.atLive,
      mediaTime: app.video.currentTime,
      frame: app.currentFrame(),
      behindLive: app.behindLive(),
      window: app.window(),
      markers: app.feed.list.map((m) => m.id),
      pending: [...app.feed.pending.keys()],
      dash: Boolean(app.player.form.manifest),
      levels: app.player.levels.map((l) => l.height),
    };
  },
};

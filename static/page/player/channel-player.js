// The player: hls.js on a video element, or the browser's own HLS where hls.js can't run, and its recovery.
//
// The player reports facts (segments, user data, ended, failed, stalled) and knows how to begin again; when to begin
// again is decided here too, in tick(), from those facts and from what the server says of itself.

import { parseUtc } from '../clocks.js';

const BACKOFF_MS = [500, 1000, 2000, 3000, 5000];
// Playing, yet not a frame further for this long, is a stall worth acting on; a segment is usually 2 s. After a new beginning
// that did not help it is twice as long, up to 40 s: a slow machine must not be stopped in every start.
const STALL_MS = 5000;
const MAX_DOUBLINGS = 3;
// Where the playlist says that a gap is next, there is nothing to wait for.
const GAP_STALL_MS = 900;

/**
 * Events: "segments" (the playlist or its timing changed), "userdata" (detail: samples), "reload" (a new source:
 * media times from before are void), "failed", "ended".
 */
export class Player extends EventTarget {
  /**
   * @param {HTMLVideoElement} video
   * @param {Api} api
   */
  constructor(video, api) {
    super();
    this.video = video;
    this.api = api;
    this.hls = null;
    this.native = false;
    this.ended = false;
    this.failed = false;
    // Whether a playlist with segments was ever there.
    this.begun = false;
    this.error = '';
    this.wantsPlay = true;
    this.attempts = 0;
    this.nextAttempt = 0;
    // New beginnings because of a stall, since pictures last moved.
    this.stalls = 0;
    this.progress = { time: -1, at: 0, nudges: 0 };
    video.muted = true;
    video.addEventListener('seeking', () => { this.progress.at = performance.now(); });
  }

  get supported() {
    return Boolean(globalThis.Hls?.isSupported()) || this.video.canPlayType('application/vnd.apple.mpegurl') !== '';
  }

  /** Begins with the source, anew if there was one, at the live edge. */
  load() {
    this.ended = false;
    this.failed = false;
    this.error = '';
    this.progress = { time: -1, at: performance.now(), nudges: 0 };
    this.loadedAt = performance.now();
    this.hls?.destroy();
    this.hls = null;
    this.dispatchEvent(new Event('reload'));
    if (globalThis.Hls?.isSupported()) this.#loadHls();
    else this.#loadNative();
    if (this.wantsPlay) this.play();
  }

  #loadHls() {
    const { Hls } = globalThis;
    const hls = new Hls({
      // Three segments behind the edge is what the HLS specification asks of a client (RFC 8216, 6.3.3).
      liveSyncDurationCount: 3,
      // The picture's clock is to be compared, so it is never sped up to catch up.
      maxLiveSyncPlaybackRate: 1,
      backBufferLength: 90,
      maxBufferLength: 20,
      enableCEA708Captions: false,
      enableWebVTT: false,
      enableIMSC1: false,
    });
    this.hls = hls;
    const { Events } = Hls;
    const changed = () => this.dispatchEvent(new Event('segments'));
    for (const event of [Events.LEVEL_UPDATED, Events.LEVEL_PTS_UPDATED, Events.FRAG_BUFFERED]) hls.on(event, changed);
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
      this.begun = true;
      if (details.live || this.ended) return;
      this.ended = true;
      this.dispatchEvent(new Event('ended'));
    });
    hls.on(Events.FRAG_PARSING_USERDATA, (_, { samples }) => {
      this.dispatchEvent(new CustomEvent('userdata', { detail: samples }));
    });
    hls.on(Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !this.recovered) {
        this.recovered = true;
        hls.recoverMediaError();
        return;
      }
      this.#fail(data.details);
    });
    hls.loadSource(this.api.playlistPath());
    hls.attachMedia(this.video);
  }

  #loadNative() {
    this.native = true;
    this.video.onerror = () => this.#fail('native');
    this.video.ontimeupdate = () => {
      this.begun = true;
      this.dispatchEvent(new Event('segments'));
    };
    this.video.onended = () => {
      this.ended = true;
      this.dispatchEvent(new Event('ended'));
    };
    this.video.src = this.api.playlistPath();
  }

  #fail(details) {
    this.failed = true;
    this.error = details;
    this.dispatchEvent(new Event('failed'));
  }

  /** The playlist's segments in media time, for SegmentMap. */
  segments() {
    if (this.native) return this.#nativeSegments();
    const fragments = this.#details()?.fragments ?? [];
    return fragments.map((f) => ({
      // Where the playlist's first segment is loaded, its start stays 0 at first, also if its first picture comes later
      // (as with B-frames): where the pictures of a segment were seen, they say when it begins.
      start: f.startPTS ?? f.start,
      end: f.endPTS ?? f.start + f.duration,
      // The tag's text has the date-time in full; the parsed one is cut to milliseconds.
      utc: parseUtc(f.rawProgramDateTime) ?? (f.programDateTime ? BigInt(f.programDateTime) * 1_000_000n : null),
      gap: f.tagList.some((tag) => tag[0] === 'GAP'),
    }));
  }

  // The browser tells one date-time only, that of media time 0: the whole window is one segment.
  #nativeSegments() {
    const start = this.video.getStartDate?.();
    const { seekable } = this.video;
    if (!start || Number.isNaN(start.getTime()) || !seekable.length) return [];
    return [{ start: 0, end: seekable.end(seekable.length - 1), utc: BigInt(start.getTime()) * 1_000_000n, gap: false }];
  }

  #details() {
    const level = this.hls?.levels[Math.max(0, this.hls.currentLevel)];
    return level?.details ?? null;
  }

  /** Media time of the live edge and of the place to play from when live; null while there is no playlist. */
  get edge() {
    if (!this.native) return this.#details()?.edge ?? null;
    const { seekable } = this.video;
    return seekable.length ? seekable.end(seekable.length - 1) : null;
  }

  get livePosition() {
    const position = this.native ? this.edge - 6 : this.hls?.liveSyncPosition;
    return Number.isFinite(position) ? position : null;
  }

  get windowStart() {
    if (!this.native) return this.#details()?.fragments[0]?.start ?? null;
    return this.video.seekable.length ? this.video.seekable.start(0) : null;
  }

  get segmentDuration() {
    return this.#details()?.targetduration ?? 2;
  }

  /** True while what plays is about as new as it can be. */
  get atLive() {
    const live = this.livePosition;
    return live !== null && !this.video.paused && this.video.currentTime > live - 2 * this.segmentDuration;
  }

  async play() {
    this.wantsPlay = true;
    try {
      await this.video.play();
    } catch {
      // Interrupted by a new source, or autoplay is not allowed: the play button is there.
    }
  }

  toggle() {
    if (this.video.paused) this.play();
    else this.pause();
  }

  pause() {
    this.wantsPlay = false;
    this.video.pause();
  }

  /** Whether the video has sound, as far as the browser tells. */
  get hasSound() {
    const { video } = this;
    return Boolean(this.hls?.audioTracks.length || video.audioTracks?.length || video.mozHasAudio || video.webkitAudioDecodedByteCount);
  }

  /** Mutes the video or lets it be heard, where it has sound. */
  toggleSound() {
    if (this.hasSound) this.video.muted = !this.video.muted;
  }

  seek(mediaTime) {
    const start = this.windowStart;
    const live = this.livePosition ?? this.edge;
    if (start === null || live === null) return;
    // Half a second from the window's start: it moves on, and what has left it can't be loaded.
    this.video.currentTime = Math.min(Math.max(mediaTime, start + 0.5), Math.max(live, this.bufferedEnd - 0.1));
  }

  get bufferedEnd() {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) >= currentTime) return buffered.end(i);
    }
    return currentTime;
  }

  goLive() {
    const live = this.livePosition;
    if (live !== null) this.video.currentTime = live;
    this.play();
  }

  /** Milliseconds for which playback should have moved and has not. */
  stalledFor(now) {
    const { video, progress } = this;
    if (video.currentTime !== progress.time || video.paused) {
      if (video.currentTime !== progress.time) progress.nudges = 0;
      if (video.currentTime !== progress.time && progress.time >= 0 && video.readyState >= 2) this.stalls = 0;
      progress.time = video.currentTime;
      progress.at = now;
    }
    return now - progress.at;
  }

  /**
   * Repairs what is broken; called about once a second.
   * @param {number} now ms of performance.now
   * @param {boolean} serverAnswers whether the server answers. That it calls the stream live is not needed: a playlist
   *   which goes on says enough, and a recording that is served again may not be called so.
   */
  async tick(now, serverAnswers) {
    const stalled = this.stalledFor(now);
    if (stalled === 0 && !this.failed && !this.ended) {
      this.recovered = false;
      if (now - this.loadedAt > 10_000) this.attempts = 0;
    }
    if (!serverAnswers) return;
    if (this.failed && !this.begun) {
      // There is no picture to keep and no playlist to compare with: asking again is all that can be done.
      if (now >= this.nextAttempt) {
        this.#backOff(now);
        this.load();
      }
      return;
    }
    if (this.failed || this.ended) {
      await this.#reloadWhenNew(now);
      return;
    }
    const beyond = stalled >= GAP_STALL_MS ? this.#endOfGapAhead() : null;
    if (beyond !== null) {
      this.video.currentTime = beyond;
      return;
    }
    if (stalled < STALL_MS * 2 ** Math.min(this.stalls, MAX_DOUBLINGS)) return;
    // A gap or a restart lies between the buffer's end and what is new: jump over it; if that doesn't help, begin anew.
    if (this.progress.nudges === 0 && this.livePosition !== null && this.livePosition > this.video.currentTime + 0.5) {
      this.progress.nudges = 1;
      this.progress.at = now;
      this.video.currentTime = this.livePosition;
      this.progress.time = this.video.currentTime;
    } else if (await this.#reloadWhenNew(now)) {
      this.stalls++;
    }
  }

  // Where to go on when the next thing in the playlist is a gap; null if it isn't, or nothing comes after it yet.
  #endOfGapAhead() {
    const here = this.video.currentTime;
    const segments = this.segments();
    let i = segments.findIndex((s) => s.gap && s.end > here && s.start - here < 0.5);
    if (i < 0) return null;
    while (segments[i]?.gap) i++;
    return segments[i] ? segments[i].start + 0.01 : null;
  }

  #backOff(now) {
    this.nextAttempt = now + BACKOFF_MS[Math.min(this.attempts++, BACKOFF_MS.length - 1)];
  }

  // Whether it began anew.
  async #reloadWhenNew(now) {
    if (this.probing || now < this.nextAttempt) return false;
    this.probing = true;
    try {
      this.#backOff(now);
      const newest = await this.api.newestSegment();
      // Without anything new there is nothing to begin with: the last picture stays.
      const isNew = newest !== null && newest !== this.#details()?.fragments.at(-1)?.relurl;
      if (isNew) this.load();
      return isNew;
    } finally {
      this.probing = false;
    }
  }
}

// The player of any HLS stream: hls.js on a video element, or the browser's own HLS where hls.js can't run, and its
// recovery from whatever ends playback.

import { troubleOf } from './stream-trouble.js';

const BACKOFF_MS = [500, 1000, 2000, 3000, 5000];
// Playback that moves for this long after a repair counts as mended: the next failure is a new one.
const MENDED_MS = 8000;
// Every fourth repair begins with the source anew; the others go on with what is there.
const RELOAD_EVERY = 4;
// Playing, yet not further for this long though the playlist has more: then loading begins anew, and next the source. Each
// repair gets twice as long as the one before, up to 40 s: a slow machine must not be stopped in every start.
const STALL_MS = 5000;
const MAX_DOUBLINGS = 3;
// Between two looks playback moves on by less than the time that passes and this, in seconds. Further is a jump, and no sign
// of life: hls.js jumps along with the window of a live stream though nothing plays.
const JUMP = 2;
// A segment that failed this often is skipped, once playback has stood before it for a while. What is missing in a live
// stream hls.js skips by itself; where all is there it would ask again for a minute.
const SKIP_FAILURES = 2;
const SKIP_STALL_MS = 2000;
// Standing before a segment means this near to it, in seconds, with less than that buffered.
const SKIP_WITHIN = 0.5;
// Failures that are remembered: more than any buffer spans.
const MAX_FAILURES = 64;

/** Events: "trouble" (detail: troubleOf). */
export class StreamPlayer extends EventTarget {
  /**
   * @param {HTMLVideoElement} video
   * @param {string} src the address of the playlist
   * @param {object} options more of hls.js's
   */
  constructor(video, src, options = {}) {
    super();
    this.video = video;
    this.src = src;
    this.options = options;
    this.hls = null;
    this.native = false;
    this.begun = false;
    this.ended = false;
    this.wantsPlay = true;
    // What ended playback last, null once it moves again, and what is planned about it: how, when (at), and whether only because
    // of a stall.
    this.broken = null;
    this.attempts = 0;
    this.repair = null;
    // Segments that failed: how often, and where they are in media time.
    this.failures = new Map();
    // Milliseconds for which playback should have moved and has not, and what was tried about it since.
    this.stalled = 0;
    this.stalls = 0;
    // The first media sequence number of the last playlist.
    this.firstNumber = null;
    this.#beginProgress();
    video.muted = true; // only then may it begin by itself
    video.addEventListener('ended', () => { this.ended = true; });
    for (const name of ['seeking', 'playing']) video.addEventListener(name, () => { this.ended = video.ended; });
    video.addEventListener('error', () => this.#videoFailed());
  }

  get supported() {
    return Boolean(globalThis.Hls?.isSupported()) || this.video.canPlayType('application/vnd.apple.mpegurl') !== '';
  }

  /** Begins with the source, at its live edge; what has no live edge goes on where it was. */
  load() {
    const resume = this.resumeAt();
    this.#beginProgress();
    this.repair = null;
    this.firstNumber = null;
    this.ended = false;
    this.hls?.destroy();
    this.hls = null;
    if (globalThis.Hls?.isSupported()) this.#loadHls(resume);
    else this.#loadNative(resume);
    if (this.wantsPlay) this.play();
  }

  play() {
    this.wantsPlay = true;
    // Interrupted by a new source, or autoplay is not allowed: the controls are there.
    this.video.play().catch(() => {});
  }

  /** Begins with the source as if for the first time: what it gives now need not go on from before. */
  restart() {
    this.begun = false;
    this.broken = null;
    this.attempts = 0;
    this.failures.clear();
    this.load();
  }

  #beginProgress() {
    const now = performance.now();
    // When was looked, when it moved last, and since when it moves.
    this.progress = { time: this.video.currentTime, looked: now, at: now, since: now };
  }

  /** Where to begin with the source, in seconds; -1 is its live edge. */
  resumeAt() {
    if (!this.begun || this.live) return -1;
    // A place that can't be played is not tried for ever.
    return this.video.currentTime + Math.max(0, this.attempts - 2);
  }

  #loadHls(startPosition) {
    const { Hls } = globalThis;
    // Three segments behind the edge is what the HLS specification asks of a client (RFC 8216, 6.3.3).
    const hls = this.engine({ startPosition, liveSyncDurationCount: 3, backBufferLength: 90, ...this.options });
    this.hls = hls;
    this.listen(hls, Hls.Events);
    hls.loadSource(this.src);
    hls.attachMedia(this.video);
  }

  /** What plays: hls.js, or something in its shape. */
  engine(options) {
    return new globalThis.Hls(options);
  }

  /** Listens to hls.js. */
  listen(hls, Events) {
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
      this.begun = true;
      // A playlist whose end lies before the last one's start is another stream: the server began anew.
      const another = this.firstNumber !== null && details.endSN < this.firstNumber;
      this.firstNumber = details.startSN;
      if (another) this.plan('reload', 'The stream began anew');
    });
    // Where the tracks are others, as in a stream with faults, hls.js attaches anew by itself, which stops the video.
    hls.on(Events.MEDIA_ATTACHED, () => this.wantsPlay && this.play());
    hls.on(Events.FRAG_BUFFERED, (_, { frag }) => this.failures.delete(`${frag.type} ${frag.sn}`));
    hls.on(Events.ERROR, (_, data) => {
      this.dispatchEvent(new CustomEvent('trouble', { detail: troubleOf(data) }));
      this.#note(data);
      if (data.fatal) this.#fail(data);
    });
  }

  #loadNative(startPosition) {
    this.native = true;
    this.video.src = this.src;
    if (startPosition > 0) this.video.currentTime = startPosition;
    this.video.addEventListener('loadedmetadata', () => { this.begun = true; }, { once: true });
  }

  // hls.js tells of its own errors of the video element; without it this is all there is.
  #videoFailed() {
    const { error } = this.video;
    if (!this.native || !error) return;
    const what = ['', 'Playback was stopped', 'The stream can’t be had', 'The stream can’t be decoded', 'The stream can’t be played'][error.code];
    this.dispatchEvent(new CustomEvent('trouble', { detail: { what, status: '', segment: '', url: this.src, fatal: true } }));
    this.plan('reload', what);
  }

  #note({ details, frag }) {
    if (!frag || !Number.isInteger(frag.sn) || !/^(frag|key)(Load|Parsing|Decrypt)/.test(details)) return;
    const key = `${frag.type} ${frag.sn}`;
    const count = (this.failures.get(key)?.count ?? 0) + 1;
    this.failures.set(key, { count, start: frag.start, end: frag.start + frag.duration });
    if (this.failures.size > MAX_FAILURES) this.failures.delete(this.failures.keys().next().value);
  }

  #fail(data) {
    // Without a list of variants hls.js has nothing to load: only the source can be asked for again.
    const anew = !this.begun || !this.hls.levels.length || this.attempts % RELOAD_EVERY === RELOAD_EVERY - 1;
    this.plan(anew ? 'reload' : this.repairOf(data.type), troubleOf(data).what);
  }

  /** What is tried first about a fatal error: "media" decodes anew, "resume" loads on, "reload" begins with the source. */
  repairOf(type) {
    const { ErrorTypes } = globalThis.Hls;
    return { [ErrorTypes.MEDIA_ERROR]: 'media', [ErrorTypes.NETWORK_ERROR]: 'resume' }[type] ?? 'reload';
  }

  /** Plans a repair; one of a stall is dropped when playback moves before. */
  plan(how, what, stall = false) {
    this.broken = what;
    this.progress.since = performance.now();
    this.repair = { how, what, stall, at: performance.now() + BACKOFF_MS[Math.min(this.attempts++, BACKOFF_MS.length - 1)] };
  }

  /** Whether nothing is loaded any more until the source begins anew. */
  get failed() {
    return this.repair?.how === 'reload' && !this.repair.stall;
  }

  async #mend() {
    const { repair } = this;
    if (repair.how === 'reload') {
      repair.at = Infinity; // while it is asked for
      const may = await this.mayReload();
      if (this.repair !== repair) return;
      if (may) this.load();
      else this.plan('reload', repair.what, repair.stall);
      return;
    }
    this.repair = null;
    this.progress.at = performance.now();
    if (repair.how === 'media') {
      this.hls.recoverMediaError();
      if (this.wantsPlay) this.play();
    } else {
      this.resume();
    }
  }

  /** Whether there is something to begin anew with. */
  async mayReload() {
    return true;
  }

  /** Loads on. */
  resume() {
    if (this.hls) this.hls.startLoad();
    else this.load();
  }

  /**
   * Repairs what is broken; called a few times a second.
   * @param {number} now ms of performance.now
   * @param {boolean} mayRepair false where that is of no use just now
   */
  async tick(now, mayRepair = true) {
    const stalled = this.#stalledFor(now);
    this.stalled = stalled;
    if (stalled === 0) {
      this.stalls = 0;
      if (this.repair?.stall) this.repair = null;
    }
    if (!mayRepair || this.skip()) return;
    if (this.repair) {
      if (now >= this.repair.at) await this.#mend();
      return;
    }
    if (stalled === 0 && this.broken !== null && now - this.progress.since > 1000) this.broken = null;
    if (now - this.progress.since > MENDED_MS) this.attempts = 0;
    if (stalled > STALL_MS * 2 ** Math.min(this.stalls, MAX_DOUBLINGS) && this.hasMore()) {
      this.plan(this.stalls++ % 2 === 0 ? 'resume' : 'reload', 'Playback stalls', true);
    }
  }

  /** Jumps over the segment that playback stands before, if it can't be had and there is something behind it; false if not. */
  skip() {
    const { video } = this;
    const here = video.currentTime;
    if (this.stalled <= SKIP_STALL_MS || this.bufferAhead > SKIP_WITHIN) return false;
    for (const [key, { count, start, end }] of this.failures) {
      if (count < SKIP_FAILURES || here < start - SKIP_WITHIN || here >= end || !(this.edge > end + 0.1)) continue;
      this.failures.delete(key);
      const segment = key.slice(key.indexOf(' ') + 1);
      const detail = { what: 'Left out, to go on behind it', status: '', segment, url: '', fatal: false };
      this.dispatchEvent(new CustomEvent('trouble', { detail }));
      video.currentTime = end + 0.05;
      this.hls?.startLoad(video.currentTime);
      return true;
    }
    return false;
  }

  /** Whether the playlist has something to play that is not there yet. Where it stands still, waiting is all right. */
  hasMore() {
    const { begun, edge } = this;
    return begun && edge !== null && edge - this.video.currentTime > 2 * (this.details?.targetduration ?? 6);
  }

  #stalledFor(now) {
    const { video, progress } = this;
    const step = Math.abs(video.currentTime - progress.time);
    const moves = step > 0 && step < JUMP + (now - progress.looked) / 1000 && video.readyState >= 2;
    if (moves || video.paused || video.ended) progress.at = now;
    if (!moves && now - progress.at > 1000 || video.paused) progress.since = now;
    progress.time = video.currentTime;
    progress.looked = now;
    return now - progress.at;
  }

  get details() {
    const { hls } = this;
    return hls?.levels[hls.currentLevel]?.details ?? hls?.latestLevelDetails ?? null;
  }

  /** True where more is to come, false where all is there, null where that is not known. */
  get live() {
    if (this.native) return this.begun ? this.video.duration === Infinity : null;
    return this.details ? this.details.live : null;
  }

  /** Media time of the end of the playlist and of its start; null where there is none. */
  get edge() {
    if (!this.native) return this.details?.edge ?? null;
    const { seekable } = this.video;
    return seekable.length ? seekable.end(seekable.length - 1) : null;
  }

  get windowStart() {
    if (!this.native) return this.details?.fragments[0]?.start ?? null;
    return this.video.seekable.length ? this.video.seekable.start(0) : null;
  }

  /** Seconds that are buffered from the current position on. */
  get bufferAhead() {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) >= currentTime) return buffered.end(i) - currentTime;
    }
    return 0;
  }

  /** Seconds from what is on screen to the end of the playlist; null where nothing is live. */
  get latency() {
    return this.live && this.edge !== null ? Math.max(0, this.edge - this.video.currentTime) : null;
  }

  /** PROGRAM-DATE-TIME of what is on screen, in ms since 1970; null where the stream has none. */
  get dateTime() {
    const date = this.native ? this.video.getStartDate?.() : this.hls?.playingDate;
    const ms = date ? date.getTime() + (this.native ? this.video.currentTime * 1000 : 0) : NaN;
    return Number.isFinite(ms) ? ms : null;
  }
}

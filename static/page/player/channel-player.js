// The player of a channel of this server: it keeps to the live edge, says which segments are where, hands on the user data
// of the pictures, and jumps over gaps.

import { parseUtc } from '../clocks.js';
import { DashEngine, loadLibrary } from './dash.js';
import { StreamPlayer } from './stream-player.js';

// Where the playlist says that a gap is next, there is nothing to wait for.
const GAP_STALL_MS = 900;

// Where time stamps jump, hls.js moves the pictures to where those before end, and not the user data with them. What then belongs
// together is known again where it begins anew, behind the jump: not more often than this.
const DISPLACED_MS = 10_000;
// User data may be that many frames outside of what is known of the pictures by then: the last ones are still to come.
const MAX_OUTSIDE_FRAMES = 4;

const OPTIONS = {
  // The picture's clock is to be compared, so it is never sped up to catch up.
  maxLiveSyncPlaybackRate: 1,
  maxBufferLength: 20,
  enableCEA708Captions: false,
  enableWebVTT: false,
  enableIMSC1: false,
};

/**
 * Events: those of StreamPlayer, "segments" (the playlist or its timing changed), "userdata" (detail: samples), "reload" (a
 * new source: media times from before are void), "levels" (the qualities, or which one plays, changed).
 */
export class ChannelPlayer extends StreamPlayer {
  /**
   * @param {HTMLVideoElement} video
   * @param {Api} api
   */
  constructor(video, api) {
    super(video, '', OPTIONS);
    this.api = api;
    this.form = { playlist: 'master.m3u8' };
    // The size of the rendition that was chosen, null for the player's own choice: a source that begins anew has it too.
    this.chosen = null;
    video.addEventListener('timeupdate', () => this.native && this.#changed());
  }

  /** Begins with the source, anew if there was one, at the live edge. */
  load() {
    this.src = this.form.manifest ? this.api.manifestPath() : this.api.playlistPath(this.form.playlist);
    this.displaced = false;
    this.loadedAt = performance.now();
    this.dispatchEvent(new Event('reload'));
    super.load();
  }

  resumeAt() {
    return -1;
  }

  /** Plays another form of the channel, of formsOf. It is an error where the library that plays it can't be had: then the last one plays on. */
  async take(form) {
    if (form.manifest) await loadLibrary();
    this.form = form;
    this.restart();
  }

  engine(options) {
    return this.form.manifest ? new DashEngine() : super.engine(options);
  }

  /** What there is to choose from: {width, height, bitrate}. */
  get levels() {
    return this.hls?.levels ?? [];
  }

  /** The index of the one that plays, -1 where none does. */
  get level() {
    return this.hls?.currentLevel ?? -1;
  }

  /** Whether the player chooses. */
  get auto() {
    return this.chosen === null;
  }

  /** Has one of the levels played from the next segment on; -1 leaves the choice to the player. */
  chooseLevel(index) {
    this.chosen = sizeOf(this.levels[index]);
    this.hls.nextLevel = index;
    this.dispatchEvent(new Event('levels'));
  }

  listen(hls, Events) {
    super.listen(hls, Events);
    // A picture may be shown before hls.js has put its segment's times into the playlist: they are known when it is about to be appended.
    for (const event of [Events.LEVEL_UPDATED, Events.LEVEL_PTS_UPDATED, Events.BUFFER_APPENDING, Events.FRAG_BUFFERED]) {
      hls.on(event, () => this.#changed());
    }
    hls.on(Events.MANIFEST_PARSED, () => {
      if (this.chosen !== null) hls.nextLevel = this.levels.findIndex((l) => sizeOf(l) === this.chosen);
      this.dispatchEvent(new Event('levels'));
    });
    hls.on(Events.LEVEL_SWITCHED, () => this.dispatchEvent(new Event('levels')));
    hls.on(Events.FRAG_PARSING_USERDATA, (_, { frag, samples }) => {
      if (isElsewhere(samples, frag?.elementaryStreams?.video)) this.displaced = true;
      else this.dispatchEvent(new CustomEvent('userdata', { detail: samples }));
    });
  }

  #changed() {
    this.dispatchEvent(new Event('segments'));
  }

  /** The playlist's segments in media time, for SegmentMap. */
  segments() {
    if (this.native) return this.#nativeSegments();
    const fragments = this.details?.fragments ?? [];
    return fragments.map((f) => ({
      // Where the playlist's first segment is loaded, its start stays 0 at first, also if its first picture comes later
      // (as with B-frames): where the pictures of a segment were seen, they say when it begins. Sound in the same file does not: hls.js
      // fills up what is before it.
      start: f.elementaryStreams?.video?.startPTS ?? f.startPTS ?? f.start,
      end: f.elementaryStreams?.video?.endPTS ?? f.endPTS ?? f.start + f.duration,
      // The tag's text has the date-time in full; the parsed one is cut to milliseconds.
      utc: f.utc ?? parseUtc(f.rawProgramDateTime) ?? (f.programDateTime ? BigInt(f.programDateTime) * 1_000_000n : null),
      gap: f.tagList.some((tag) => tag[0] === 'GAP'),
    }));
  }

  // The browser tells one date-time only, that of media time 0: the whole window is one segment.
  #nativeSegments() {
    const start = this.video.getStartDate?.();
    const { edge } = this;
    if (!start || Number.isNaN(start.getTime()) || edge === null) return [];
    return [{ start: 0, end: edge, utc: BigInt(start.getTime()) * 1_000_000n, gap: false }];
  }

  /** Whether the playlist says that nothing more comes. */
  get stopped() {
    return this.native ? this.ended : this.details?.live === false;
  }

  /** Media time of the place to play from when live; null while there is no playlist. */
  get livePosition() {
    const position = this.native ? this.edge - 6 : this.hls?.liveSyncPosition;
    return Number.isFinite(position) ? position : null;
  }

  /** True while what plays is about as new as it can be. */
  get atLive() {
    const live = this.livePosition;
    return live !== null && !this.video.paused && this.video.currentTime > live - 2 * (this.details?.targetduration ?? 2);
  }

  toggle() {
    if (this.video.paused) this.play();
    else this.pause();
  }

  pause() {
    this.wantsPlay = false;
    this.video.pause();
  }

  seek(mediaTime) {
    const start = this.windowStart;
    const live = this.livePosition ?? this.edge;
    if (start === null || live === null) return;
    const buffered = this.video.currentTime + this.bufferAhead - 0.1;
    // Half a second from the window's start: it moves on, and what has left it can't be loaded.
    this.#goTo(Math.min(Math.max(mediaTime, start + 0.5), Math.max(live, buffered)));
  }

  goLive() {
    const live = this.livePosition;
    if (live !== null) this.#goTo(live);
    this.play();
  }

  // To get there takes a while: that is no stall yet.
  #goTo(mediaTime) {
    this.progress.at = performance.now();
    this.video.currentTime = mediaTime;
  }

  /**
   * Repairs what is broken; called about once a second.
   * @param {number} now ms of performance.now
   * @param {boolean} serverAnswers whether the server answers. That it calls the stream live is not needed: a playlist
   *   which goes on says enough, and a recording that is served again may not be called so.
   */
  tick(now, serverAnswers) {
    if (this.stopped && !this.repair) this.plan('reload', 'The stream has stopped');
    else if (this.displaced && !this.repair && this.atLive && now - this.loadedAt > DISPLACED_MS) this.#beginAnew();
    return super.tick(now, serverAnswers);
  }

  #beginAnew() {
    const what = 'The time stamps jumped: begins anew';
    this.dispatchEvent(new CustomEvent('trouble', { detail: { what, status: '', segment: '', url: '', fatal: false } }));
    this.plan('reload', what);
  }

  // What loads on after an outage is behind live: begun anew it is not.
  repairOf(type) {
    const how = super.repairOf(type);
    return how === 'resume' ? 'reload' : how;
  }

  // A gap or a restart lies between the buffer's end and what is new: jump over it.
  resume() {
    const live = this.livePosition;
    if (live !== null && live > this.video.currentTime + 0.5) this.#goTo(live);
    else super.resume();
  }

  // Without anything new there is nothing to begin with: the last picture stays. Before the first playlist there is neither.
  async mayReload() {
    if (!this.begun) return true;
    const newest = await this.api.newestSegment();
    return newest !== null && (this.form.manifest || newest !== this.details?.fragments.at(-1)?.relurl);
  }

  // The playlist that is known may be an old one: mayReload asks.
  hasMore() {
    return true;
  }

  skip() {
    const beyond = this.stalled >= GAP_STALL_MS && !this.failed ? this.#endOfGapAhead() : null;
    if (beyond === null) return super.skip();
    this.#goTo(beyond);
    return true;
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
}

const sizeOf = (level) => (level ? `${level.width}x${level.height}` : null);

// Whether user data lies outside of its segment's pictures.
function isElsewhere(samples, video) {
  const times = [...new Set(samples.map((s) => s.pts).filter(Number.isFinite))];
  if (!video || times.length < 2) return false;
  const slack = MAX_OUTSIDE_FRAMES * Math.max(video.endPTS - video.startPTS, 0.04) / times.length;
  return times.some((t) => t < video.startPTS - slack || t > video.endPTS + slack);
}

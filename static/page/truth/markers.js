// The markers the page knows: fetched once, then followed as server-sent events.
//
// The stream of events is opened first and the list is asked for once it is open, at every reconnect too, so nothing
// falls between the two. While the stream is closed the list is polled. A marker never changes once it is written;
// the same one coming twice is one marker.

import { parseUtc } from '../clocks.js';

// More than any window shows, so a long session can't grow without bound.
const MAX_MARKERS = 1000;
const POLL_MS = 2000;
const REOPEN_MS = 10_000;

/** Events: "added" (detail: markers, newest last; detail.initial on the first list), "changed". */
export class MarkerFeed extends EventTarget {
  /**
   * @param {Api} api
   * @param {() => boolean} isUp whether the server answers; while it does not, the list is not asked for
   */
  constructor(api, isUp) {
    super();
    this.api = api;
    this.isUp = isUp;
    this.byId = new Map();
    this.pending = new Map();
    this.loaded = false;
    this.source = null;
    this.timer = 0;
  }

  /** Markers in the order of their frames. */
  get list() {
    return [...this.byId.values()].sort((a, b) => a.frame - b.frame);
  }

  /** @param {number} tsStart HLS seconds; markers later than that are wanted */
  start(tsStart) {
    this.tsStart = Math.max(0, tsStart);
    this.#open();
    this.#poll();
  }

  /** A triggered marker that the stream has not confirmed yet. */
  addPending(marker) {
    if (this.byId.has(marker.id)) return;
    this.pending.set(marker.id, withTimes(marker));
    this.dispatchEvent(new Event('changed'));
  }

  /** Gives up on a pending marker. */
  dropPending(id) {
    if (this.pending.delete(id)) this.dispatchEvent(new Event('changed'));
  }

  #open() {
    this.openedAt = performance.now();
    this.source = new EventSource(this.api.path('markers/stream'));
    this.source.addEventListener('open', () => this.#fetch());
    this.source.addEventListener('marker', (event) => {
      try {
        this.#add([JSON.parse(event.data)]);
      } catch {
        this.#fetch();
      }
    });
  }

  #poll() {
    this.timer = setInterval(() => {
      if (this.source.readyState === EventSource.OPEN && this.loaded) return;
      if (!this.isUp()) return;
      this.#fetch();
      // Closed for good by an error status: the browser does not try again by itself.
      if (this.source.readyState === EventSource.CLOSED && performance.now() - this.openedAt > REOPEN_MS) this.#open();
    }, POLL_MS);
  }

  async #fetch() {
    if (this.fetching) return;
    this.fetching = true;
    try {
      const from = this.loaded ? Math.max(this.tsStart, this.#lastTime() - 1) : this.tsStart;
      const found = (await this.api.newestMarkers(from, MAX_MARKERS)).reverse();
      const initial = !this.loaded;
      this.loaded = true;
      this.#add(found, initial);
    } catch {
      // The server is away: the banner says so, and the next poll asks again.
    } finally {
      this.fetching = false;
    }
  }

  #lastTime() {
    let last = 0;
    for (const marker of this.byId.values()) last = Math.max(last, marker.time);
    return last;
  }

  #add(markers, initial = false) {
    const added = [];
    for (const marker of markers) {
      if (typeof marker?.id !== 'string' || !Number.isSafeInteger(marker.frame) || this.byId.has(marker.id)) continue;
      const known = withTimes(marker);
      this.byId.set(known.id, known);
      this.pending.delete(known.id);
      added.push(known);
    }
    if (!added.length && !initial) return;
    if (this.byId.size > MAX_MARKERS) {
      for (const old of this.list.slice(0, this.byId.size - MAX_MARKERS)) this.byId.delete(old.id);
    }
    this.dispatchEvent(new CustomEvent('added', { detail: { markers: added, initial } }));
    this.dispatchEvent(new Event('changed'));
  }
}

// The marker with its times as nanoseconds; genLag is null as long as the generator has not produced its frame.
function withTimes(marker) {
  const utcNanos = parseUtc(marker.utc);
  // The zero time stands for "not yet" where the server has to write one.
  const gen = parseUtc(marker.gen_time);
  const genNanos = gen !== null && gen > 0n ? gen : null;
  return {
    ...marker,
    utcNanos,
    genNanos,
    genLag: utcNanos !== null && genNanos !== null ? genNanos - utcNanos : null,
    frames: marker.last_frame - marker.frame + 1,
  };
}

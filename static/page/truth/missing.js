// What is missing of the stream, and why: asked for when the playlist has a gap of which nothing is known yet.

const POLL_MS = 2000;
// The server writes the record of a gap a moment after the playlist has it.
const AGAIN_MS = 5000;
// More than any window has gaps.
const MAX_RECORDS = 1000;

// What the server's reasons mean.
const REASONS = {
  skipped: 'the machine could not keep up', encoder: 'the encoder ended before it gave them back', down: 'no generator was running',
  publish: 'the segment could not be published', lost: 'the segment was lost after it was published',
};

const UNKNOWN = 'why is not known yet';

// Longer texts are for the log.
const MAX_DETAIL = 120;

// The newest few stretches are named.
const MAX_STRETCHES = 3;

/** A record's reason in words, with its detail. */
export function reasonOf({ reason, detail }) {
  const text = REASONS[reason] ?? reason;
  return detail ? `${text} (${detail.length > MAX_DETAIL ? `${detail.slice(0, MAX_DETAIL)}…` : detail})` : text;
}

/** Events: "changed". */
export class MissingFeed extends EventTarget {
  /**
   * @param {Api} api
   * @param {object} model isUp(), gaps(): the playlist's gaps as {first, frames}, framesPerSegment()
   */
  constructor(api, model) {
    super();
    this.api = api;
    this.model = model;
    // Records in the order of their frames, each range once.
    this.records = [];
    this.nextAsk = 0;
  }

  start() {
    setInterval(() => this.ask(performance.now()), POLL_MS);
  }

  /** The record of a frame, null where none is known. */
  at(frame) {
    return this.records.find((r) => r.frame <= frame && frame <= r.last_frame) ?? null;
  }

  /** How many of the frames first to last are known to be missing. */
  count(first, last) {
    let n = 0;
    let next = first;
    for (const r of this.records) {
      const from = Math.max(r.frame, next);
      const to = Math.min(r.last_frame, last);
      if (from > to) continue;
      n += to - from + 1;
      next = to + 1;
    }
    return n;
  }

  /** How much of a marker is not in the stream: "all", "some", or empty. */
  of({ frame, last_frame: last, frames, missing_frames: told = 0 }) {
    const missing = Math.max(told, this.count(frame, last));
    return missing >= frames ? 'all' : missing > 0 ? 'some' : '';
  }

  /** Why a frame of a gap is missing, in words; null for null. */
  reasonAt(frame) {
    if (frame === null) return null;
    const record = this.at(frame);
    return record ? reasonOf(record) : UNKNOWN;
  }

  /** The playlist's gaps in a line, without details; empty where there are none. */
  text() {
    const stretches = [];
    for (const { first, frames } of this.model.gaps()) {
      const record = this.at(first);
      const why = record ? REASONS[record.reason] ?? record.reason : UNKNOWN;
      const last = stretches.at(-1);
      if (last?.why === why && last.next === first) {
        last.frames += frames;
        last.next += frames;
      } else {
        stretches.push({ why, frames, next: first + frames });
      }
    }
    if (stretches.length === 0) return '';
    const parts = stretches.slice(-MAX_STRETCHES).reverse().map(({ why, frames }) => `${frames} frames, ${why}`);
    if (stretches.length > MAX_STRETCHES) parts.push('…');
    return `${stretches.length} ${stretches.length === 1 ? 'gap' : 'gaps'} in the window: ${parts.join('; ')}`;
  }

  /** Asks for what is not known of the gaps; called every two seconds. */
  async ask(now) {
    const unknown = this.model.gaps().filter((g) => !this.at(g.first));
    if (this.asking || unknown.length === 0 || now < this.nextAsk || !this.model.isUp()) return;
    this.asking = true;
    this.nextAsk = now + AGAIN_MS;
    const segment = (frame) => Math.floor(frame / this.model.framesPerSegment());
    try {
      this.#add(await this.api.missing(segment(unknown[0].first), segment(unknown.at(-1).first)));
    } catch {
      // The server is away: the next poll asks again.
    } finally {
      this.asking = false;
    }
  }

  #add(records) {
    const known = new Map(this.records.map((r) => [`${r.frame} ${r.last_frame}`, r]));
    for (const r of records) known.set(`${r.frame} ${r.last_frame}`, r);
    this.records = [...known.values()].sort((a, b) => a.frame - b.frame).slice(-MAX_RECORDS);
    this.dispatchEvent(new Event('changed'));
  }
}

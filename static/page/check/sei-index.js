// The frame records that hls.js finds in the stream's SEI messages, by media time.
//
// A record is user data (SEI payload type 5) under refstream's own UUID: compact JSON with the frame number, run,
// GEN time, PTS and active event. hls.js gives it with the access unit's presentation time in the media timeline,
// the same timeline as the displayed frame's media time, so the two meet without any offset.

import { MAX_RESIDUAL } from '../clocks.js';

export const FRAME_RECORD_UUID = 'bb53d2df-cb3f-508b-af64-b4609264511b';

// As many records as ten minutes at 60 frames a second have, or 150 s at 240: what is older is out of the player's buffer.
const MAX_RECORDS = 36_000;

/** The frame record in one user data sample of hls.js, or null if it is somebody else's or not readable. */
export function parseFrameRecord(sample) {
  if (sample.uuid !== FRAME_RECORD_UUID || !sample.userDataBytes) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(sample.userDataBytes);
    const record = JSON.parse(text);
    if (!Number.isSafeInteger(record.frame)) return null;
    // Nanoseconds since 1970 do not fit a double: they are read from the text.
    const gen = /"gen_ns":(-?\d+)/.exec(text);
    return { frame: record.frame, run: record.run, event: record.event ?? null, genNanos: gen ? BigInt(gen[1]) : null };
  } catch {
    return null;
  }
}

export class SeiIndex {
  /** @param {number} fps frames a second, which sets how near is near */
  constructor(fps) {
    this.fps = fps;
    this.buckets = new Map();
  }

  get size() {
    return this.buckets.size;
  }

  clear() {
    this.buckets.clear();
  }

  /** Remembers the record of the frame that is presented at mediaTime; a segment loaded again replaces its own. */
  add(mediaTime, record) {
    const old = this.#nearest(mediaTime);
    if (old) this.buckets.delete(old.key);
    this.buckets.set(Math.round(mediaTime * this.fps * 2), { mediaTime, record });
    if (this.buckets.size > MAX_RECORDS) this.buckets.delete(this.buckets.keys().next().value);
  }

  /** The record of the frame presented at mediaTime, or null if there is none that near. */
  find(mediaTime) {
    return this.#nearest(mediaTime)?.record ?? null;
  }

  // Keys are half frames, so two frames never share one, and a frame within MAX_RESIDUAL is at most one key away.
  #nearest(mediaTime) {
    const middle = Math.round(mediaTime * this.fps * 2);
    let best = null;
    for (let key = middle - 1; key <= middle + 1; key++) {
      const entry = this.buckets.get(key);
      if (!entry) continue;
      const distance = Math.abs(entry.mediaTime - mediaTime) * this.fps;
      if (distance <= MAX_RESIDUAL && (!best || distance < best.distance)) best = { key, distance, record: entry.record };
    }
    return best;
  }
}

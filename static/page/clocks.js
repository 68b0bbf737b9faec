// Clock maths: frame numbers, UTC, timecode, and the server's time. Pure functions, no page.
//
// UTC and durations are BigInt nanoseconds, so nothing rounds on the way; frame numbers are integers. Only the media
// time of the browser is a float: it is rounded to the nearest frame, and what is not near one is no frame.

const NS = 1_000_000_000n;

// Nearer to a frame's start than this, in frames, a time means that frame; further away it can't be told.
export const MAX_RESIDUAL = 0.4;

/** UTC nanoseconds since 1970 of an RFC 3339 time, up to nine decimals, "Z" or an offset; null if it is none. */
export function parseUtc(text) {
  const m = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:?\d\d)$/.exec(text ?? '');
  if (!m) return null;
  const zone = m[3].length === 5 ? `${m[3].slice(0, 3)}:${m[3].slice(3)}` : m[3].toUpperCase();
  const ms = Date.parse(m[1].toUpperCase() + zone);
  if (Number.isNaN(ms)) return null;
  return BigInt(ms) * 1_000_000n + BigInt((m[2] ?? '').slice(0, 9).padEnd(9, '0'));
}

/** a / b rounded down, for BigInt and b > 0. */
export function floorDiv(a, b) {
  const q = a / b;
  return a % b < 0n ? q - 1n : q;
}

/** Converts between the frame number and the nominal clocks of a channel. */
export class StreamClock {
  /** @param {object} c what /clocks says: epoch, fps_num, fps_den, drop_frame, frames_per_segment */
  constructor(c) {
    this.epoch = parseUtc(c.epoch);
    if (this.epoch === null || !(c.fps_num > 0) || !(c.fps_den > 0)) throw new Error('clocks are incomplete');
    this.num = c.fps_num;
    this.den = c.fps_den;
    this.fps = c.fps_num / c.fps_den;
    this.dropFrame = Boolean(c.drop_frame);
    this.framesPerSegment = c.frames_per_segment;
  }

  /** HLS time of frame n: nanoseconds from the epoch, rounded down. */
  hlsNanos(n) {
    return floorDiv(BigInt(n) * NS * BigInt(this.den), BigInt(this.num));
  }

  /** Nominal UTC of frame n in nanoseconds. */
  utcNanos(n) {
    return this.epoch + this.hlsNanos(n);
  }

  /** The frame nearest to a UTC time, or null where the time is not within MAX_RESIDUAL of one. */
  frameAtUtc(utcNanos) {
    const scaled = (utcNanos - this.epoch) * BigInt(this.num);
    const unit = NS * BigInt(this.den);
    const n = floorDiv(2n * scaled + unit, 2n * unit);
    const residual = Number(scaled - n * unit) / Number(unit);
    return Math.abs(residual) <= MAX_RESIDUAL ? Number(n) : null;
  }

  /** SMPTE ST 12-1 timecode of frame n; a semicolon marks drop-frame counting. Three digits where a second has over 100. */
  timecode(n) {
    const base = Math.ceil(this.fps);
    let counted = n;
    if (this.dropFrame) {
      const k = base / 30;
      const tenMinutes = Math.floor(n / (17982 * k));
      const rest = n - tenMinutes * 17982 * k;
      counted += 18 * k * tenMinutes;
      if (rest >= 2 * k) counted += 2 * k * Math.floor((rest - 2 * k) / (1798 * k));
    }
    const day = 24 * 3600 * base;
    counted = ((counted % day) + day) % day;
    const s = Math.floor(counted / base);
    const two = (v) => String(v).padStart(2, '0');
    return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` +
      `${this.dropFrame ? ';' : ':'}${String(counted % base).padStart(base > 100 ? 3 : 2, '0')}`;
  }
}

// More than what clocks that are being corrected drift apart while an answer is kept.
const STEP_MS = 20;

/**
 * The server's time, estimated from answers that carry it; the browser's own time of day takes no part. The answer with
 * the shortest round trip of the last few is trusted: its error is at most half of that trip. Where the server's clock was
 * set, or does not run at the rate of ours, as that of a recording that is served again, the newest answer counts.
 */
export class ServerTime {
  constructor(keep = 12) {
    this.keep = keep;
    this.answers = [];
  }

  /** Times in ms of one steady clock (performance.now); serverNanos is UTC. */
  add(sentAt, receivedAt, serverNanos) {
    const middle = (sentAt + receivedAt) / 2;
    const answer = { trip: receivedAt - sentAt, offset: Number(serverNanos / 1000n) / 1000 - middle };
    const { best } = this;
    if (best && Math.abs(answer.offset - best.offset) > (answer.trip + best.trip) / 2 + STEP_MS) this.answers = [];
    this.answers.push(answer);
    if (this.answers.length > this.keep) this.answers.shift();
    this.best = this.answers.reduce((a, b) => (b.trip < a.trip ? b : a));
  }

  /** The server's UTC in ms since 1970 at steady time now, or null before the first answer. */
  at(now) {
    return this.best ? now + this.best.offset : null;
  }
}

/** "hh:mm:ss.mmm" of UTC nanoseconds. */
export function formatUtc(nanos) {
  return new Date(Number(floorDiv(nanos, 1_000_000n))).toISOString().slice(11, 23);
}

/** "yyyy-mm-dd" of UTC nanoseconds. */
export function formatDate(nanos) {
  return new Date(Number(floorDiv(nanos, 1_000_000n))).toISOString().slice(0, 10);
}

/** Nanoseconds as seconds with three decimals, rounded down: "411.533". */
export function formatSeconds(nanos) {
  const ms = floorDiv(nanos, 1_000_000n);
  const abs = ms < 0n ? -ms : ms;
  return `${ms < 0n ? '−' : ''}${abs / 1000n}.${String(abs % 1000n).padStart(3, '0')}`;
}

/** Seconds as "m:ss" or "h:mm:ss". */
export function formatAgo(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const two = (v) => String(v).padStart(2, '0');
  return s >= 3600
    ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
    : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** A signed number of ms with one decimal: "+3.2 ms". */
export function formatLag(nanos) {
  const tenths = Number(nanos) / 1e5;
  const rounded = Math.round(tenths) / 10;
  return `${rounded < 0 ? '−' : '+'}${Math.abs(rounded).toFixed(1)} ms`;
}

/** A whole number with thin spaces between thousands. */
export function formatCount(n) {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009');
}

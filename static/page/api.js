// The server's HTTP API as the page uses it. Paths are relative to the page, so that it also works below a sub-path.

// An answer that takes longer than this is as good as none: the page asks again.
const TIMEOUT_MS = 5000;

// The most that the server gives at once.
const MAX_SEGMENTS = 5000;

/** An answer that is not a success. `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export class Api {
  constructor() {
    // The channel's name, empty for the server's default; and that of its faulty twin, where this is what is watched.
    this.channel = '';
    this.twin = '';
  }

  /** Path and query of a resource for the channel, or for another one. */
  path(resource, query = {}, channel = this.channel) {
    const params = new URLSearchParams(query);
    if (channel) params.set('channel', channel);
    const search = params.toString();
    return search ? `${resource}?${search}` : resource;
  }

  playlistPath(name = 'master.m3u8') {
    return `hls/${encodeURIComponent(this.twin || this.channel)}/${name}`;
  }

  manifestPath() {
    return `dash/${encodeURIComponent(this.twin || this.channel)}/manifest.mpd`;
  }

  /** Clocks, and when the question left and the answer came (ms of performance.now). */
  async clocks() {
    const sentAt = performance.now();
    const clocks = await this.#json(this.path('clocks'));
    return { clocks, sentAt, receivedAt: performance.now() };
  }

  /** The newest markers later than tsStart (HLS seconds), the newest first, `limit` of them at the most. */
  async newestMarkers(tsStart, limit) {
    const answer = await this.#json(this.path('markers', { ts_start: tsStart, order: 'desc', limit }));
    return answer.markers;
  }

  /** The newest detections later than tsStart (HLS seconds), the newest first, about `limit` of them at the most. */
  async newestDetections(tsStart, limit) {
    const answer = await this.#json(this.path('detections', { ts_start: tsStart, order: 'desc', limit }));
    return answer.detections;
  }

  /** How good the detections of a source are. */
  score(source, query) {
    return this.#json(this.path('score', { source, ...query }));
  }

  /** All channels of the server, with the outputs of those that it generates itself. */
  async channels() {
    return (await this.#json('channels')).channels;
  }

  /** The faults of the twin that are planned for frame `from` or later, or not over then, and its newest frame. */
  faults(from) {
    return this.#json(this.path('faults', { from }, this.twin));
  }

  /** Which pictures those of the twin's frames first to last show that a fault of pictures was done to, by the frame, as far as is known. */
  async shows(first, last) {
    return (await this.#json(this.path('faults', { from: first, to: last, shows: true }, this.twin))).shows ?? {};
  }

  /** The program's version; empty where the server does not give it. */
  async version() {
    return (await this.#json('healthz')).version ?? '';
  }

  /** The records of what is missing of the frames in segments first to last, by media sequence number, inclusive. */
  async missing(first, last) {
    return (await this.#json(this.path('segments', { from: first, to: last, limit: MAX_SEGMENTS }))).missing;
  }

  /** Asks for an event now; resolves to the planned marker. */
  trigger({ text, token }) {
    const headers = { 'Content-Type': 'application/json', 'X-Refstream': 'trigger' };
    if (token) headers.Authorization = `Bearer ${token}`;
    return this.#json(this.path('markers'), {
      method: 'POST', headers, body: JSON.stringify(text ? { text } : {}),
    });
  }

  /** The last segment's address in a playlist that can be had and says that more is to come; null otherwise. */
  async newestSegment() {
    try {
      const response = await this.#fetch(this.playlistPath('index.m3u8'));
      const lines = (await response.text()).split(/\r?\n/);
      if (lines[0] !== '#EXTM3U' || lines.includes('#EXT-X-ENDLIST')) return null;
      return lines.findLast((line) => line !== '' && !line.startsWith('#')) ?? null;
    } catch {
      return null;
    }
  }

  async #json(path, options) {
    const response = await this.#fetch(path, options);
    try {
      return await response.json();
    } catch {
      throw new ApiError(`${path} did not answer with JSON`, response.status);
    }
  }

  async #fetch(path, options = {}) {
    let response;
    try {
      response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS), ...options });
    } catch {
      throw new ApiError('the server does not answer', 0);
    }
    if (!response.ok) throw new ApiError(await problemOf(response), response.status);
    return response;
  }
}

// What an application/problem+json answer says, or its status.
async function problemOf(response) {
  try {
    const problem = await response.json();
    return problem.detail || problem.title || `the server answered ${response.status}`;
  } catch {
    return `the server answered ${response.status}`;
  }
}

/** A message of the server as a sentence. */
export function sentence(message) {
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}${/[.!?…]$/.test(message) ? '' : '.'}`;
}

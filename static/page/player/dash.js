// DASH by dash.js, which is loaded when it is wanted, in the shape of hls.js: StreamPlayer has one way to play for both.

import { userDataOf } from './cmaf-userdata.js';

const LIBRARY = 'static/dist/dash.mediaplayer.min.js';

/** Loads dash.js, once. It is an error where this program does not have it. */
export function loadLibrary() {
  loadLibrary.loaded ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = LIBRARY;
    script.onload = resolve;
    script.onerror = () => {
      loadLibrary.loaded = null;
      reject(new Error('dash.js can’t be had: run make build, or the server is away'));
    };
    document.head.append(script);
  });
  return loadLibrary.loaded;
}

/**
 * The segments that a manifest lists, in media time; what is not listed between two of them is a gap.
 * @param {object} manifest as dash.js has read it
 * @returns {{sn: number, start: number, duration: number, utc: bigint, tagList: string[][]}[]} utc in nanoseconds since 1970
 */
export function segmentsOf(manifest) {
  const epoch = BigInt(new Date(manifest.availabilityStartTime).getTime()) * 1_000_000n;
  const list = [];
  const add = (start, duration, sn, tagList) => {
    // Halves of nanoseconds are far below a frame.
    list.push({ sn, start, duration, utc: epoch + BigInt(Math.round(start * 1e9)), tagList });
  };
  for (const period of manifest.Period ?? []) {
    const video = period.AdaptationSet?.find((set) => set.contentType === 'video' || /^video/.test(set.mimeType ?? ''));
    const template = video?.Representation?.[0]?.SegmentTemplate ?? video?.SegmentTemplate;
    const { timescale = 1, presentationTimeOffset = 0, startNumber = 1 } = template ?? {};
    let number = startNumber;
    let at = 0;
    for (const { t = at, d, r = 0 } of template?.SegmentTimeline?.S ?? []) {
      at = t;
      for (let i = 0; i <= r; i++, at += d, number++) {
        const start = (period.start ?? 0) + (at - presentationTimeOffset) / timescale;
        const end = list.length ? list.at(-1).start + list.at(-1).duration : start;
        // Their frames are known all the same: media time counts them.
        if (start - end > 0.5 / timescale) add(end, start - end, -1, [['GAP']]);
        add(start, d / timescale, number, []);
      }
    }
  }
  return list;
}

/** What hls.js would be, of which StreamPlayer uses this much. */
export class DashEngine {
  constructor() {
    this.listeners = {};
    this.details = null;
    this.audioTracks = [];
    this.src = '';
    this.current = -1;
    this.chosen = -1;
  }

  on(event, listener) {
    (this.listeners[event] ??= []).push(listener);
  }

  #tell(event, data = {}) {
    for (const listener of this.listeners[event] ?? []) listener(event, data);
  }

  loadSource(src) {
    this.src = src;
  }

  attachMedia(video) {
    const { Events } = globalThis.Hls;
    const { dashjs } = globalThis;
    const player = dashjs.MediaPlayer().create();
    this.player = player;
    const names = dashjs.MediaPlayer.events;
    player.updateSettings({
      debug: { logLevel: dashjs.Debug.LOG_LEVEL_NONE },
      // The picture's clock is to be compared, so it is never sped up to catch up.
      streaming: { liveCatchup: { enabled: false }, text: { defaultEnabled: false }, buffer: { bufferToKeep: 60 } },
    });
    player.on(names.MANIFEST_LOADED, ({ data }) => this.#manifest(data));
    player.on(names.FRAGMENT_LOADING_COMPLETED, ({ request, response, error }) => {
      if (error || !response || request.mediaType !== 'video' || request.type !== 'MediaSegment') return;
      const samples = userDataOf(response, request.timescale || 90_000);
      if (samples.length) this.#tell(Events.FRAG_PARSING_USERDATA, { frag: null, samples });
    });
    player.on(names.STREAM_INITIALIZED, () => this.#tell(Events.MANIFEST_PARSED));
    player.on(names.QUALITY_CHANGE_RENDERED, ({ mediaType, newRepresentation }) => {
      if (mediaType !== 'video') return;
      this.current = this.levels.findIndex((l) => l.id === newRepresentation.id);
      this.#tell(Events.LEVEL_SWITCHED);
    });
    player.on(names.ERROR, ({ error }) => this.#tell(Events.ERROR, {
      fatal: true, type: 'otherError', details: error?.message ? `DASH: ${error.message}` : 'DASH: an error', url: error?.data?.request?.url ?? '',
    }));
    player.initialize(video, this.src, true);
  }

  #manifest(manifest) {
    if (!manifest) return;
    const fragments = segmentsOf(manifest);
    const last = fragments.at(-1);
    if (!last) return;
    this.details = {
      live: manifest.type === 'dynamic', fragments, edge: last.start + last.duration, startSN: fragments[0].sn, endSN: last.sn,
      targetduration: last.duration,
    };
    this.#tell(globalThis.Hls.Events.LEVEL_UPDATED, { details: this.details });
  }

  get latestLevelDetails() {
    return this.details;
  }

  get levels() {
    try {
      return (this.player?.getRepresentationsByType('video') ?? [])
        .map(({ id, width, height, bandwidth }) => ({ id, width, height, bitrate: bandwidth, details: this.details }))
        .sort((a, b) => a.bitrate - b.bitrate);
    } catch {
      return []; // it has not begun
    }
  }

  get currentLevel() {
    if (this.current < 0 && this.player) {
      try {
        const id = this.player.getCurrentRepresentationForType('video')?.id;
        this.current = this.levels.findIndex((l) => l.id === id);
      } catch {
        return -1;
      }
    }
    return this.current;
  }

  set nextLevel(index) {
    const level = this.levels[index];
    this.player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: !level } } } });
    if (level) this.player.setRepresentationForTypeById('video', level.id, true);
  }

  /** As far behind the edge as dash.js begins. */
  get liveSyncPosition() {
    if (!this.details) return null;
    const delay = Number(this.player.getTargetLiveDelay()) || 3 * this.details.targetduration;
    return this.details.edge - delay;
  }

  // It loads on by itself.
  startLoad() {}

  recoverMediaError() {}

  destroy() {
    this.listeners = {};
    this.player?.destroy();
    this.player = null;
  }
}

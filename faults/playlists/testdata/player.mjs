// Has hls.js follow versions of media playlists, in a time of its own, and prints the names of the errors that it reports, a list
// for each playlist: node player.mjs FILE. The file has lists of {at, text}, with times in milliseconds.
import { readFileSync } from 'node:fs';

let now = 0;
let timers = [];
let last = 0;
const add = (f, ms, every) => { timers.push({ id: ++last, at: now + Math.max(0, ms || 0), f, every }); return last; };
globalThis.setTimeout = (f, ms) => add(f, ms);
globalThis.setInterval = (f, ms) => add(f, ms, Math.max(1, ms || 0));
globalThis.clearTimeout = globalThis.clearInterval = (id) => { timers = timers.filter((t) => t.id !== id); };
Object.defineProperty(globalThis, 'performance', { value: { now: () => now } });
// What hls.js wants of a browser.
globalThis.self = globalThis;
globalThis.location = { href: 'http://test/' };
globalThis.MediaSource = { isTypeSupported: () => true };

const { default: Hls } = await import('hls.js');
const url = 'http://test/index.m3u8';

async function play(versions) {
  class Loader {
    constructor() {
      this.stats = { aborted: false, loaded: 0, total: 0, retry: 0, chunkCount: 0, bwEstimate: 0, loading: { start: 0, first: 0, end: 0 },
        parsing: { start: 0, end: 0 }, buffering: { start: 0, first: 0, end: 0 } };
    }
    load(context, config, callbacks) {
      this.context = context;
      const { text } = versions.findLast((v) => v.at <= now);
      Object.assign(this.stats.loading, { start: now, first: now, end: now });
      this.stats.loaded = this.stats.total = text.length;
      this.timer = setTimeout(() => callbacks.onSuccess({ url, data: text, code: 200 }, this.stats, context, null), 1);
    }
    abort() { clearTimeout(this.timer); }
    destroy() { this.abort(); }
    getCacheAge() { return null; }
    getResponseHeader() { return null; }
  }
  now = 0;
  timers = [];
  let newest = '';
  const errors = [];
  const hls = new Hls({ pLoader: Loader, enableWorker: false, liveMaxUnchangedPlaylistRefresh: 3 });
  hls.on(Hls.Events.ERROR, (_, d) => { console.error(now, d.details, d.fatal, String(d.error?.message || d.reason)); errors.push(d.details); });
  hls.on(Hls.Events.LEVEL_LOADED, (_, d) => { newest = d.details.fragments.at(-1).relurl; });
  hls.loadSource(url);
  hls.startLoad();
  while (timers.length && now < versions.at(-1).at + 1500) {
    timers.sort((a, b) => a.at - b.at || a.id - b.id);
    const t = timers[0];
    now = t.at;
    if (t.every) t.at += t.every; else timers.shift();
    t.f();
    for (let i = 0; i < 20; i++) await null; // what its promises do next
  }
  hls.destroy();
  return { newest, errors: [...new Set(errors)].sort() };
}

const out = [];
for (const versions of JSON.parse(readFileSync(process.argv[2], 'utf8'))) out.push(await play(versions));
console.log(JSON.stringify(out));
process.exit(0);

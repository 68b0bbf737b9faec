import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Player } from '../page/player/channel-player.js';
import { StreamPlayer } from '../page/player/stream-player.js';

// A machine that takes so long from the beginning of a source, of loading or of a seek to a picture that moves.
class SlowMachine extends EventTarget {
  constructor(takes) {
    super();
    Object.assign(this, { takes, now: 0, ready: Infinity, time: 0, paused: true, ended: false, begins: 0, buffered: [] });
    const machine = this;
    Object.defineProperty(globalThis, 'performance', { configurable: true, value: { now: () => machine.now } });
    globalThis.Hls = class {
      static isSupported() { return true; }

      static ErrorTypes = { NETWORK_ERROR: 'networkError', MEDIA_ERROR: 'mediaError' };

      static Events = Object.fromEntries(
        ['LEVEL_UPDATED', 'LEVEL_PTS_UPDATED', 'FRAG_BUFFERED', 'FRAG_PARSING_USERDATA', 'ERROR'].map((name) => [name, name]));

      constructor() {
        this.heard = {};
        const fragments = [{ start: 0, duration: 100, relurl: '1.ts', tagList: [] }];
        this.levels = machine.out ? [] : [{ details: { live: true, startSN: 1, endSN: 9, edge: 100, targetduration: 2, fragments } }];
        this.currentLevel = 0;
        this.liveSyncPosition = 90;
      }

      on(event, f) { this.heard[event] = f; }

      loadSource() {}

      attachMedia() {
        machine.begins++;
        if (machine.out) {
          this.heard.ERROR('', { fatal: true, type: 'networkError', details: 'manifestLoadError' });
          return;
        }
        machine.restart();
        this.heard.LEVEL_UPDATED('', this.levels[0]);
      }

      // Without a list of variants there is nothing to load.
      startLoad() { if (this.levels.length) machine.restart(); }

      destroy() {}
    };
  }

  restart() {
    this.ready = this.now + this.takes;
  }

  get readyState() {
    return this.now >= this.ready ? 4 : 1;
  }

  get currentTime() {
    return this.time;
  }

  set currentTime(time) {
    this.time = time;
    this.restart();
  }

  async play() {
    this.paused = false;
  }

  // Lets time pass until something plays, at most so many seconds.
  async playsWithin(seconds, every, tick) {
    for (const end = this.now + seconds * 1000; this.now < end && this.readyState < 4; this.now += every) await tick(this.now);
    return this.readyState === 4;
  }

  async moves(seconds, every, tick) {
    for (const end = this.now + seconds * 1000; this.now < end; this.now += every) {
      this.time += every / 1000;
      await tick(this.now);
    }
  }
}

const players = {
  'the page': (machine) => {
    const player = new Player(machine, { playlistPath: () => 'master.m3u8', newestSegment: async () => '2.ts' });
    player.load();
    return [1000, (now) => player.tick(now, true)];
  },
  'the plain player': (machine) => {
    const player = new StreamPlayer(machine, 'stream.m3u8');
    player.load();
    return [250, async (now) => player.tick(now)];
  },
};

for (const [name, begin] of Object.entries(players)) {
  test(`${name} gets to play where a start takes longer than a stall may`, async () => {
    for (const takes of [2000, 12_000, 30_000]) {
      const machine = new SlowMachine(takes);
      const [every, tick] = begin(machine);
      assert.ok(await machine.playsWithin(200, every, tick), `a start takes ${takes} ms, and there were ${machine.begins}`);
    }
  });

  test(`${name} begins anew soon where what played has stopped`, async () => {
    const machine = new SlowMachine(2000);
    const [every, tick] = begin(machine);
    await machine.playsWithin(10, every, tick);
    await machine.moves(20, every, tick);
    machine.takes = Infinity;
    machine.restart();
    const { begins } = machine;
    await machine.playsWithin(20, every, tick);
    assert.equal(machine.begins, begins + 1);
  });
}

test('the plain player begins anew after an outage in which it could not have the list of variants', async () => {
  const machine = new SlowMachine(1000);
  const player = new StreamPlayer(machine, 'stream.m3u8');
  const tick = async (now) => player.tick(now);
  player.load();
  assert.ok(await machine.playsWithin(10, 250, tick));
  await machine.moves(10, 250, tick);
  Object.assign(machine, { out: true, ready: Infinity });
  player.load();
  machine.out = false;
  assert.ok(await machine.playsWithin(30, 250, tick), `it stays down after ${machine.begins} beginnings`);
});

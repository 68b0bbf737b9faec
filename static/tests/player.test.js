import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChannelPlayer } from '../page/player/channel-player.js';
import { StreamPlayer } from '../page/player/stream-player.js';

// A machine that takes so long from the beginning of a source, of loading or of a seek to a picture that moves.
class SlowMachine extends EventTarget {
  constructor(takes) {
    super();
    Object.assign(this, { takes, now: 0, ready: Infinity, time: 0, paused: true, ended: false, begins: 0, buffered: [] });
    // What was asked of hls.js, and what its playlist says.
    Object.assign(this, { starts: 0, recovers: 0, positions: [], plays: 0 });
    this.details = { live: true, startSN: 1, endSN: 9, edge: 100, targetduration: 2, fragments: [fragment(0, 100, '1.ts')] };
    const machine = this;
    Object.defineProperty(globalThis, 'performance', { configurable: true, value: { now: () => machine.now } });
    globalThis.Hls = class {
      static isSupported() { return true; }

      static ErrorTypes = { NETWORK_ERROR: 'networkError', MEDIA_ERROR: 'mediaError' };

      static Events = Object.fromEntries(
        ['LEVEL_UPDATED', 'LEVEL_PTS_UPDATED', 'FRAG_BUFFERED', 'FRAG_PARSING_USERDATA', 'MEDIA_ATTACHED', 'ERROR',
          'MANIFEST_PARSED', 'BUFFER_APPENDING', 'LEVEL_SWITCHED'].map((name) => [name, name]));

      constructor({ startPosition }) {
        machine.hls = this;
        machine.positions.push(startPosition);
        this.heard = {};
        this.levels = machine.out ? [] : [{ details: machine.details }];
        this.currentLevel = 0;
        this.liveSyncPosition = 90;
      }

      on(event, f) { (this.heard[event] ??= []).push(f); }

      tell(event, data) {
        for (const f of this.heard[event]) f(event, data);
      }

      loadSource() {}

      attachMedia() {
        machine.begins++;
        if (machine.out) {
          this.tell('ERROR', { fatal: true, type: 'networkError', details: 'manifestLoadError' });
          return;
        }
        machine.restart();
        this.tell('LEVEL_UPDATED', { details: machine.details });
      }

      // Without a list of variants there is nothing to load.
      startLoad() {
        machine.starts++;
        if (this.levels.length) machine.restart();
      }

      recoverMediaError() {
        machine.recovers++;
        machine.restart();
      }

      destroy() {}
    };
  }

  restart() {
    this.ready = this.now + this.takes;
  }

  // Loading or decoding breaks off.
  fails(type, details = `${type}LoadError`, fatal = true, frag = null) {
    if (fatal) this.ready = Infinity;
    this.hls.tell('ERROR', { fatal, type, details, frag });
  }

  // The playlist changes.
  publishes(changes) {
    Object.assign(this.details, changes);
    this.hls.tell('LEVEL_UPDATED', { details: this.details });
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
    this.plays++;
    this.paused = false;
  }

  pause() {
    this.paused = true;
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

  // Lets time pass in which nothing moves.
  async stands(seconds, every, tick) {
    for (const end = this.now + seconds * 1000; this.now < end; this.now += every) await tick(this.now);
  }
}

function fragment(start, duration, relurl, gap = false) {
  return { start, duration, relurl, tagList: gap ? [['GAP']] : [] };
}

// The page's player, and a server of which newest is the last segment's address, null where there is none.
function onPage(machine) {
  const server = { newest: '2.ts', answers: true };
  const player = new ChannelPlayer(machine, { playlistPath: () => 'master.m3u8', newestSegment: async () => server.newest });
  return { player, server, every: 1000, tick: (now) => player.tick(now, server.answers) };
}

function plain(machine) {
  const player = new StreamPlayer(machine, 'stream.m3u8');
  return { player, every: 250, tick: async (now) => player.tick(now) };
}

const players = { 'the page': onPage, 'the plain player': plain };

// A player that plays since ten seconds.
async function playing(machine, make) {
  const made = make(machine);
  made.player.load();
  assert.ok(await machine.playsWithin(10, made.every, made.tick));
  await machine.moves(10, made.every, made.tick);
  return made;
}

for (const [name, make] of Object.entries(players)) {
  test(`${name} gets to play where a start takes longer than a stall may`, async () => {
    for (const takes of [2000, 12_000, 30_000]) {
      const machine = new SlowMachine(takes);
      const { player, every, tick } = make(machine);
      player.load();
      assert.ok(await machine.playsWithin(200, every, tick), `a start takes ${takes} ms, and there were ${machine.begins}`);
    }
  });

  test(`${name} begins anew soon where what played has stopped`, async () => {
    const machine = new SlowMachine(2000);
    const { every, tick } = await playing(machine, make);
    await machine.moves(10, every, tick);
    machine.takes = Infinity;
    machine.restart();
    const { begins } = machine;
    await machine.playsWithin(20, every, tick);
    assert.equal(machine.begins, begins + 1);
  });

  test(`${name} begins anew after an outage in which it could not have the list of variants`, async () => {
    const machine = new SlowMachine(1000);
    const { player, every, tick } = await playing(machine, make);
    Object.assign(machine, { out: true, ready: Infinity });
    player.load();
    machine.out = false;
    assert.ok(await machine.playsWithin(30, every, tick), `it stays down after ${machine.begins} beginnings`);
  });

  test(`${name} decodes anew after an error of decoding, and begins anew where that is of no use`, async () => {
    const machine = new SlowMachine(1000);
    const { every, tick } = await playing(machine, make);
    machine.fails('mediaError');
    assert.ok(await machine.playsWithin(5, every, tick));
    assert.deepEqual([machine.recovers, machine.begins], [1, 1]);
    await machine.moves(10, every, tick);
    for (let i = 0; i < 4; i++) {
      machine.fails('mediaError');
      assert.ok(await machine.playsWithin(10, every, tick));
    }
    assert.deepEqual([machine.recovers, machine.begins], [4, 2]);
  });

  test(`${name} begins anew where the playlist ends before the last one began`, async () => {
    const machine = new SlowMachine(1000);
    const { every, tick } = await playing(machine, make);
    machine.publishes({ startSN: 7, endSN: 15 });
    await machine.moves(5, every, tick);
    assert.equal(machine.begins, 1);
    machine.publishes({ startSN: 0, endSN: 6 });
    await machine.stands(3, every, tick);
    assert.equal(machine.begins, 2);
  });

  test(`${name} takes no slow timers for a stall, and jumps for no sign of life`, async () => {
    const machine = new SlowMachine(1000);
    const { every, tick } = await playing(machine, make);
    await machine.moves(600, 60_000, tick);
    assert.deepEqual([machine.begins, machine.starts], [1, 0]);
    machine.details.edge = 1000;
    for (let i = 0; i < 40; i++) {
      machine.time += 5;
      await machine.stands(1, every, tick);
    }
    assert.ok(machine.begins > 1);
  });

  test(`${name} does nothing about a stall that is over`, async () => {
    const machine = new SlowMachine(1000);
    const { player, every, tick } = await playing(machine, make);
    while (!player.repair) await machine.stands(every / 1000, every, tick);
    await machine.moves(10, every, tick);
    assert.deepEqual([machine.begins, machine.starts, player.repair], [1, 0, null]);
  });
}

test('the page asks a server that answers, and begins anew with a newer segment only', async () => {
  for (const breaks of [(m) => m.fails('networkError'), (m) => m.publishes({ live: false })]) {
    const machine = new SlowMachine(1000);
    const { player, server, every, tick } = await playing(machine, onPage);
    breaks(machine);
    server.answers = false;
    await machine.stands(60, every, tick);
    assert.equal(machine.begins, 1, 'the server does not answer');
    assert.equal(player.stopped, !machine.details.live);
    server.answers = true;
    for (const newest of [null, '1.ts']) {
      server.newest = newest;
      await machine.stands(60, every, tick);
      assert.equal(machine.begins, 1, `the newest segment is ${newest}`);
    }
    assert.ok(player.failed);
    Object.assign(machine.details, { live: true });
    server.newest = '2.ts';
    await machine.stands(6, every, tick);
    assert.ok(await machine.playsWithin(10, every, tick));
    assert.deepEqual([machine.begins, machine.starts, player.failed, player.stopped], [2, 0, false, false]);
    assert.deepEqual(machine.positions, [-1, -1], 'at the live edge');
  }
});

test('the page asks for a first playlist until there is one', async () => {
  const machine = Object.assign(new SlowMachine(1000), { out: true });
  const { player, server, every, tick } = onPage(machine);
  server.newest = null;
  player.load();
  await machine.stands(30, every, tick);
  assert.ok(machine.begins > 3 && machine.begins < 12, `${machine.begins} beginnings`);
  machine.out = false;
  assert.ok(await machine.playsWithin(10, every, tick));
});

test('the page jumps over a gap at once, where something follows it, and to the live position before it begins anew', async () => {
  const machine = new SlowMachine(1000);
  const { player, every, tick } = await playing(machine, onPage);
  machine.details.fragments = [fragment(0, 12, '1.ts'), fragment(12, 2, '2.ts', true), fragment(14, 2, '3.ts', true)];
  machine.time = 11.9;
  machine.ready = Infinity;
  await machine.stands(3, every, tick);
  assert.equal(machine.time, 11.9);
  machine.details.fragments.push(fragment(16, 2, '4.ts'));
  await machine.stands(1, every, tick);
  assert.equal(machine.time, 16.01);
  Object.assign(machine, { takes: Infinity, ready: Infinity });
  await machine.stands(8, every, tick);
  assert.deepEqual([machine.time, machine.begins], [90, 1]);
  assert.equal(player.livePosition, 90);
});

test('the page stays paused when its source begins anew', async () => {
  const machine = new SlowMachine(1000);
  const { player, every, tick } = await playing(machine, onPage);
  player.pause();
  const { plays } = machine;
  machine.fails('networkError');
  await machine.stands(10, every, tick);
  assert.deepEqual([machine.begins, machine.plays], [2, plays]);
});

test('the page plays on where hls.js attaches anew by itself, and stays paused', async () => {
  const machine = new SlowMachine(1000);
  const { player } = await playing(machine, onPage);
  machine.pause(); // as the browser does with another source
  machine.hls.tell('MEDIA_ATTACHED');
  assert.equal(machine.paused, false);
  player.pause();
  machine.hls.tell('MEDIA_ATTACHED');
  assert.equal(machine.paused, true);
});

test('user data beside its pictures is not known, and the page begins anew behind it, at the live position only', async () => {
  const machine = new SlowMachine(1000);
  const { player, every, tick } = await playing(machine, onPage);
  let heard = 0;
  player.addEventListener('userdata', () => heard++);
  const video = { startPTS: 10, endPTS: 12 };
  const tell = (first) => {
    const samples = Array.from({ length: 50 }, (_, i) => ({ pts: first + i / 25 }));
    machine.hls.tell('FRAG_PARSING_USERDATA', { frag: { elementaryStreams: { video } }, samples });
  };
  tell(10);
  tell(10.12); // the last pictures are still to come
  assert.deepEqual([heard, player.displaced], [2, false]);
  tell(13);
  assert.deepEqual([heard, player.displaced], [2, true]);
  await machine.moves(10, every, tick);
  assert.equal(machine.begins, 1);
  machine.time = 89;
  await machine.moves(3, every, tick);
  assert.deepEqual([machine.begins, player.displaced], [2, false]);
});

test('the page hears of segments, of user data and of a new source', async () => {
  const machine = new SlowMachine(1000);
  const { player } = onPage(machine);
  const heard = [];
  for (const event of ['reload', 'segments', 'userdata']) player.addEventListener(event, ({ detail }) => heard.push([event, detail ?? null]));
  player.load();
  machine.hls.tell('FRAG_PARSING_USERDATA', { samples: ['s'] });
  machine.hls.tell('LEVEL_PTS_UPDATED', {});
  assert.deepEqual(heard, [['reload', null], ['segments', null], ['userdata', ['s']], ['segments', null]]);
});

test('where segments are is told by their pictures, once they were seen', () => {
  const machine = new SlowMachine(1000);
  const { player } = onPage(machine);
  player.load();
  machine.details.fragments = [
    { ...fragment(0, 2, '1.ts'), startPTS: 0.08, endPTS: 2.08, rawProgramDateTime: '2026-01-02T03:04:05.123456789Z' },
    { ...fragment(2.08, 2, '2.ts', true), programDateTime: 1000 }, fragment(4.08, 2, '3.ts'),
  ];
  assert.deepEqual(player.segments(), [
    { start: 0.08, end: 2.08, utc: 1767323045123456789n, gap: false }, { start: 2.08, end: 4.08, utc: 1_000_000_000n, gap: true },
    { start: 4.08, end: 6.08, utc: null, gap: false },
  ]);
});

test('the plain player loads on after errors of the network, and every fourth time begins anew', async () => {
  const machine = new SlowMachine(1000);
  const { every, tick } = await playing(machine, plain);
  for (let i = 0; i < 4; i++) {
    machine.fails('networkError');
    assert.ok(await machine.playsWithin(10, every, tick));
  }
  assert.deepEqual([machine.starts, machine.begins], [3, 2]);
});

test('the plain player goes on where it was, where nothing is live', async () => {
  const machine = new SlowMachine(1000);
  machine.details.live = false;
  const { player, every, tick } = await playing(machine, plain);
  const { time } = machine;
  player.load();
  player.restart();
  assert.deepEqual(machine.positions, [-1, time, -1]);
  assert.ok(await machine.playsWithin(10, every, tick));
});

test('the plain player leaves out a segment that failed twice, but not one that came in the end', async () => {
  const machine = new SlowMachine(1000);
  machine.details.live = false;
  const { player, every, tick } = await playing(machine, plain);
  const troubles = [];
  player.addEventListener('trouble', ({ detail }) => troubles.push([detail.what, detail.segment]));
  const frag = { type: 'main', sn: 5, start: machine.time + 0.2, duration: 4 };
  const late = { type: 'main', sn: 6, start: frag.start + 4, duration: 4 };
  for (const failing of [frag, late, late]) machine.fails('networkError', 'fragLoadError', false, failing);
  machine.hls.tell('FRAG_BUFFERED', { frag: late });
  await machine.stands(4, every, tick);
  assert.ok(machine.time < frag.start, 'it failed once only');
  machine.fails('networkError', 'fragParsingError', false, frag);
  machine.takes = Infinity;
  await machine.stands(3, every, tick);
  assert.equal(machine.time, frag.start + 4.05);
  assert.deepEqual(troubles.at(-1), ['Left out, to go on behind it', '5']);
});

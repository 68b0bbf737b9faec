import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Beeps, SoundMeets } from '../page/check/sound-meets.js';

const RATE = 48000;
const FPS = 25;
const WINDOW = 16384;

// The samples before `end` of a sound with beeps, each [begin, end] in seconds.
function heard(beeps, end) {
  return Float32Array.from({ length: WINDOW }, (_, i) => {
    const t = end - (WINDOW - i) / RATE;
    const beep = beeps.find(([from, to]) => t >= from && t < to);
    return beep ? 0.375 * Math.sin(2 * Math.PI * 1000 * (t - beep[0])) : 0.001 * Math.sin(t * 7e3);
  });
}

// Plays 8 s of a stream with an event in frames 50 to 62 (2 s to 2.52 s), whose sound is late, and whose clock of samples began at 100.
function play({ late = 0, jitter = () => 0, beeps = [[2, 2.52]], event = { frame: 50, last_frame: 62 }, every = 0.1 } = {}) {
  const meets = new SoundMeets();
  let frame = 0;
  for (let t = 0.5; t < 8; t += every) {
    for (; frame / FPS <= t; frame++) meets.see(frame, frame / FPS, event && frame >= event.frame && frame <= event.last_frame ? event : null, FPS);
    const shifted = beeps.map(([from, to]) => [from + late + 100, to + late + 100]);
    meets.hear({ samples: heard(shifted, t + 100), rate: RATE, end: t + 100, position: t + jitter() }, true);
  }
  return meets;
}

test('a beep is found once, to less than a millisecond, however the samples come in pieces', () => {
  for (const every of [0.013, 0.1, 0.3]) {
    const beeps = new Beeps();
    const found = [];
    for (let t = 0; t < 5; t += every) found.push(...beeps.add({ samples: heard([[1, 1.3], [2.5, 3]], t), rate: RATE, end: t }));
    assert.equal(found.length, 2, `every ${every} s: ${found}`);
    assert.ok(Math.abs(found[0] - 1) < 0.001 && Math.abs(found[1] - 2.5) < 0.001, `${found}`);
  }
});

test('where samples were not seen, no beep is made up from a sound that goes on', () => {
  const beeps = new Beeps();
  beeps.add({ samples: heard([[0.8, 3]], 0.5), rate: RATE, end: 0.5 });
  assert.deepEqual(beeps.add({ samples: heard([[0.8, 3]], 2), rate: RATE, end: 2 }), []);
});

test('the offset is that of the sound, late or early, though the looks at the clocks jitter', () => {
  for (const late of [0, 0.02, 0.16, -0.08]) {
    let k = 0;
    const { summary } = play({ late, jitter: () => 0.01 * ((k++ * 7) % 5 - 2) / 2 });
    assert.equal(summary.count, 1);
    assert.ok(Math.abs(summary.offset - late) < 0.006, `${summary.offset} is not ${late}`);
  }
});

test('without a beep, an event, or any of both near each other nothing is known', () => {
  assert.equal(play({ beeps: [] }).summary, null);
  assert.equal(play({ event: null }).summary, null);
  assert.equal(play({ late: 0.8 }).summary, null);
});

test('what stands or jumps is forgotten, and the results stay', () => {
  const meets = play();
  const window = { samples: heard([], 120), rate: RATE, end: 120, position: 20 };
  meets.hear(window, false);
  assert.deepEqual([meets.shift, meets.summary.count], [null, 1]);
  for (let i = 0; i < 12; i++) meets.hear({ ...window, end: 120 + i / 10, position: 20 + i / 10 }, true);
  assert.ok(meets.shift !== null);
  meets.hear({ ...window, end: 121, position: 60 }, true);
  assert.equal(meets.shift, null);
  assert.deepEqual([meets.beeps.levels, meets.begun], [[], []]); // what was heard before is of another place
});

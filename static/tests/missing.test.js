import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MissingFeed, reasonOf } from '../page/truth/missing.js';

const record = (frame, last, reason, detail) => ({ frame, last_frame: last, reason, detail });

function feed(gaps, answers) {
  const asked = [];
  const missing = new MissingFeed({
    missing: async (first, last) => {
      asked.push([first, last]);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer ?? [];
    },
  }, { isUp: () => true, gaps: () => gaps, framesPerSegment: () => 30 });
  return { missing, asked };
}

test('a gap is asked for until its reason is known, and not too often', async () => {
  const gaps = [{ first: 60, frames: 30 }, { first: 90, frames: 30 }];
  const { missing, asked } = feed(gaps, [new Error('away'), [], [record(60, 119, 'down')]]);
  assert.equal(missing.reasonAt(null), null);
  for (const now of [10_000, 12_000, 16_000, 18_000, 22_000, 30_000]) await missing.ask(now);
  assert.deepEqual(asked, [[2, 3], [2, 3], [2, 3]]);
  assert.equal(missing.reasonAt(60), 'no generator was running');
  gaps.push({ first: 300, frames: 30 });
  await missing.ask(40_000);
  assert.deepEqual(asked.at(-1), [10, 10]);
  assert.equal(missing.reasonAt(300), 'why is not known yet');
});

test('the gaps are told in a line, neighbours with one reason as one, the newest first', async () => {
  const gaps = [60, 90, 120, 300, 600, 900].map((first) => ({ first, frames: 30 }));
  const { missing } = feed(gaps, [[
    record(60, 119, 'down'), record(120, 149, 'skipped'), record(300, 329, 'publish', 'disk full'), record(600, 629, 'lost'), record(900, 929, 'lost'),
  ]]);
  assert.equal(feed([], []).missing.text(), '');
  await missing.ask(10_000);
  assert.equal(missing.text(), '5 gaps in the window: 30 frames, the segment was lost after it was published; '
    + '30 frames, the segment was lost after it was published; 30 frames, the segment could not be published; …');
  gaps.length = 2;
  assert.equal(missing.text(), '1 gap in the window: 60 frames, no generator was running');
});

test('how much of a marker is missing is what the server says, or what is known of the gaps', async () => {
  const { missing } = feed([{ first: 60, frames: 30 }], [[record(60, 89, 'lost'), record(70, 99, 'publish')]]);
  const marker = (frame, last, told) => ({ frame, last_frame: last, frames: last - frame + 1, missing_frames: told });
  assert.equal(missing.of(marker(62, 76, 0)), '');
  await missing.ask(10_000);
  assert.equal(missing.count(50, 200), 40, 'frames that two records name count once');
  assert.equal(missing.of(marker(62, 76, 0)), 'all');
  assert.equal(missing.of(marker(50, 64, 0)), 'some');
  assert.equal(missing.of(marker(100, 114, undefined)), '');
  assert.equal(missing.of(marker(1000, 1014, 15)), 'all');
});

test('reasons are words, and long details are cut', () => {
  assert.equal(reasonOf(record(0, 1, 'encoder', 'exit status 1')), 'the encoder ended before it gave them back (exit status 1)');
  assert.equal(reasonOf(record(0, 1, 'new')), 'new');
  assert.ok(reasonOf(record(0, 1, 'publish', 'x'.repeat(1000))).length < 200);
});

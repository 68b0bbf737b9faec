import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetectionFeed, formatError, rowOf, sourcesOf } from '../page/truth/detections.js';

const FPS = 30000 / 1001;
const report = (change) => ({ markers: 0, matched: 0, spurious: 0, matches: [], missed_markers: [], spurious_detections: [], ...change });

test('sources are by name, from their first detection to their last', () => {
  assert.deepEqual(sourcesOf([]), []);
  assert.deepEqual(sourcesOf([{ source: 'b', time: 9 }, { source: 'a', time: 5 }, { source: 'b', time: 2 }]), [
    { source: 'a', first: 5, last: 5 }, { source: 'b', first: 2, last: 9 },
  ]);
});

test('a row has hits where they were found, misses and false ones, in order', () => {
  const row = rowOf('a', report({
    markers: 4, matched: 3, spurious: 1,
    matches: [
      { id: 'main-e1', frame: 300, error: 0 }, { id: 'main-e2', frame: 900, error: 0.1001 }, { id: 'main-e4', frame: 2000, error: -0.034 },
    ],
    missed_markers: [{ id: 'main-e3', frame: 1500 }],
    spurious_detections: [{ at: 33.366666666 }], // frame 1000, rounded down
  }), FPS);
  assert.deepEqual(row.marks.map(({ kind, frame, label }) => [kind, frame, label]), [
    ['hit', 300, '0'], ['hit', 903, '+3'], ['false', 1000, '!'], ['miss', 1500, '×'], ['hit', 1999, '−1'],
  ]);
  assert.equal(row.marks[1].title, 'main-e2: +3 frames');
  assert.equal(row.text, '3 of 4 found · 1 false · error −1 to +3 frames');
});

test('a row says what there is to say', () => {
  assert.equal(rowOf('a', report({ markers: 2 }), FPS).text, '0 of 2 found');
  const one = { markers: 1, matched: 1, matches: [{ id: 'x', frame: 5, error: 1001 / 30000 }] };
  assert.equal(rowOf('a', report(one), FPS).text, '1 of 1 found · error +1 frame');
  assert.equal(formatError(-12), '−12');
});

// Lets what was begun go on to its end.
const settled = () => new Promise((resolve) => { setImmediate(resolve); });

test('each source is scored from its first detection on, and what fails leaves the rows', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const asked = [];
  let fails = false;
  const feed = new DetectionFeed({
    newestDetections: async (from) => {
      if (fails) throw new Error('away');
      asked.push(from);
      return [{ source: 'a', time: 30 }, { source: 'a', time: 10 }];
    },
    score: async (source, range) => {
      asked.push(source, Math.round(range.ts_start * 10), Math.round(range.ts_end * 10));
      return report({ markers: 1 });
    },
  }, { isUp: () => true, fps: () => 30, start: () => -5 });
  feed.start();
  await settled();
  assert.deepEqual(asked, [0, 'a', 95, 300]);
  assert.deepEqual(feed.rows.map((r) => r.text), ['0 of 1 found']);
  fails = true;
  t.mock.timers.tick(3000);
  await settled();
  assert.equal(feed.rows.length, 1);
});

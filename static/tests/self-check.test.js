import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PictureOrder } from '../page/check/picture-order.js';
import { ownsItsTime } from '../page/check/picture-watch.js';
import { DOUBTS, Differences, compare, overall } from '../page/check/self-check.js';

test('a VideoFrame has the media time of its picture, or one that means nothing', () => {
  const cases = [
    [600.1, 600.1, true], [600.1000004, 600.1000011, true], [600.133333, 600.1, true],
    [0.0006, 600.1, false], [0, 0.5, false], [0.000001, 0.9, false], [600.066666, 600.1, false], [603, 600, false],
    [0, 0, null], [0.5, 0.5, true],
  ];
  for (const [own, announced, want] of cases) assert.equal(ownsItsTime(own, announced), want, `${own} ${announced}`);
});

// A browser that shows picture k from at(k) on and refreshes its display every 16 2/3 ms. It announces at each update the
// picture that the next one will show, where announces(update) lets it, and is read `early` and `late` ms after updates.
function play({ fps, phase, updates, labels = (k) => k, announces = () => true, early = 1, late = 12, step = 50 / 3 }) {
  const order = new PictureOrder(fps);
  const length = 1000 / fps;
  const onScreen = (t) => Math.floor((t - phase) / length);
  const given = [];
  let before = -1;
  for (let i = 10; i < updates; i++) {
    const now = i * step;
    const next = onScreen(now + step);
    if (announces(i) && next !== before) {
      order.announce(next / fps, onScreen(now) === next ? now : now + step);
      before = next;
    }
    given.push(...order.update(now));
    for (const t of [early, late]) order.read(labels(onScreen(now + t)), now + t);
  }
  return given.map(({ pixels, mediaTime }) => ({ pixels, media: Math.round(mediaTime * fps) }));
}

test('what the order of pictures makes known is right, at every rate and phase', () => {
  let known = 0;
  let all = 0;
  for (const fps of [24, 25, 30, 50, 59.94, 60]) {
    for (let phase = 0; phase < 1000 / fps; phase += 0.7) {
      for (const announces of [() => true, (i) => i % 2 === 0, (i) => i % 3 !== 1]) {
        const pictures = play({ fps, phase, updates: 400, announces });
        for (const { pixels, media } of pictures) {
          all++;
          if (pixels === null) continue;
          known++;
          assert.equal(pixels, media, `${fps} fps, phase ${phase}`);
        }
      }
    }
  }
  assert.ok(known > all / 2, `${known} of ${all} are known`);
});

test('a stream whose labels are one off is so in every picture that is known', () => {
  for (const fps of [30, 59.94]) {
    for (const off of [-1, 1]) {
      const known = [2, 5, 9].flatMap((phase) => play({ fps, phase, updates: 300, labels: (k) => k + off })).filter((p) => p.pixels !== null);
      assert.ok(known.length > 100, `${known.length} are known at ${fps}`);
      for (const { pixels, media } of known) assert.equal(pixels - media, off);
    }
  }
});

test('what can be two pictures is not known', () => {
  const order = new PictureOrder(60);
  order.announce(0, 117);
  order.update(100);
  order.read(7, 101);
  order.update(117); // the announced picture is due: what is on screen is that one or a later one
  order.read(7, 118);
  order.announce(1 / 60, 150);
  // The reading is older than this update, and the next picture was not due: it was the first. Its number was 7.
  assert.deepEqual(order.update(133), [{ mediaTime: 0, pixels: 7 }]);
  order.read(9, 155); // later than the time of the next update, which is late
  order.announce(2 / 60, 167);
  assert.deepEqual(order.update(150), []);
});

test('bounds that exclude each other make nothing known', () => {
  const order = new PictureOrder(60);
  order.announce(1, 100);
  order.update(100);
  order.read(7, 101);
  order.announce(1 + 1 / 60, 117);
  order.update(117);
  order.read(7, 118); // the same number in a later picture
  order.announce(1 + 2 / 60, 150);
  assert.deepEqual(order.update(133).filter((p) => p.pixels !== null), []);
  order.announce(0.5, 167); // the player went back
  assert.deepEqual(order.update(150), []);
});

const sample = (pixels, sei, media, taken = 'apart') => ({ ...compare(pixels, sei, media), taken });
const verdicts = (list) => list.map((s) => s.verdict);

test('a picture that stands still is settled at once', () => {
  const d = new Differences();
  assert.deepEqual(verdicts(d.settle(sample(4, 5, 5, 'still'))), ['wrong']);
  assert.deepEqual(verdicts(d.settle(sample(5, 5, 5, 'still'))), ['exact']);
});

test('a difference in a moving picture is held back until one that stands still settles it', () => {
  for (const [taken, most] of [['apart', DOUBTS], ['together', 1]]) {
    for (const [pixels, want] of [[9, 'wrong'], [10, 'unknown'], [8, 'unknown']]) {
      const still = sample(pixels, 10, 10, 'still');
      const d = new Differences();
      assert.deepEqual(verdicts(d.settle(sample(5, 5, 5, taken))), ['exact']);
      for (let i = 0; i < most; i++) {
        assert.equal(d.doubtful, null);
        assert.deepEqual(d.settle(sample(i, i + 1, i + 1, taken)), []);
      }
      assert.equal(d.doubtful.pixels, most - 1);
      const given = verdicts(d.settle(still));
      assert.deepEqual(given, [...Array(most).fill(want), still.verdict]);
      assert.equal(d.doubtful, null);
      // From then on the same difference is wrong at once.
      assert.deepEqual(verdicts(d.settle(sample(20, 21, 21, taken))), want === 'wrong' ? ['wrong'] : []);
    }
  }
});

test('a difference is never exact, and not known when it grows old', () => {
  const d = new Differences();
  d.settle(sample(4, 5, 5));
  const given = [];
  for (let n = 6; n < 200; n++) given.push(...d.settle(sample(n, n, n)));
  assert.deepEqual(given.filter((s) => s.media === 5).map((s) => [s.verdict, s.pixels]), [['unknown', null]]);
  for (let n = 0; n < DOUBTS; n++) d.settle(sample(n, n + 1, n + 1));
  assert.deepEqual(verdicts(d.settle(sample(50, 51, 51))), ['unknown']);
});

test('labels that differ from each other are wrong whatever the pixels say', () => {
  const d = new Differences();
  assert.deepEqual(verdicts(d.settle(sample(5, 6, 5))), ['wrong']);
  assert.deepEqual(verdicts(d.settle(sample(null, 6, 5))), ['wrong']);
  assert.deepEqual(verdicts(d.settle(sample(null, 5, 5))), ['unknown']);
});

test('the card is red for one wrong frame, green where at least half are exact, else grey', () => {
  const [exact, wrong, unknown] = [sample(5, 5, 5), sample(4, 5, 5), sample(null, 5, 5)];
  assert.equal(overall([]), null);
  assert.equal(overall([exact, unknown]), exact);
  assert.equal(overall([unknown, exact, unknown]), unknown);
  assert.equal(overall([wrong, ...Array(59).fill(exact)]), wrong);
  assert.equal(overall([wrong, ...Array(60).fill(exact)]), exact);
  assert.equal(overall([...Array(90).fill(exact), ...Array(60).fill(unknown)]), unknown);
});

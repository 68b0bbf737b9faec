import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf } from '../page/addresses.js';
import { streamsOf } from '../page/channels.js';
import { explain } from '../page/check/explain.js';
import { SelfCheck, compare, overall } from '../page/check/self-check.js';
import { FaultFeed } from '../page/truth/faults.js';
import { marksOf, summaryOf } from '../page/truth/faults-view.js';

const span = (frame, last) => ({ frame, last_frame: last });
const fault = (layer, first, last, more) => ({ id: layer, kind: `${layer}.x`, layer, state: 'done', ...span(first, last), done: [span(first, last)], ...more });

// What the self-check makes of three numbers with some faults, where the frames show what `shows` has.
function verdict(numbers, faults, shows = {}) {
  const judged = explain(compare(...numbers), faults, 60, (n) => shows[n]);
  return judged.fault ? `${judged.verdict} ${judged.fault.id}` : judged.verdict;
}

test('a fault explains what its layer can make wrong, in the frames that it was done to, and nothing else', () => {
  const cases = [
    // [pixels, sei, media], layer of a fault of frames 100 to 109, what is said
    [[105, 105, 105], 'packets', 'exact'], [[null, 105, 105], 'packets', 'faulty packets'], [[90, null, 105], 'packets', 'faulty packets'],
    [[null, 110, 110], 'packets', 'unknown'], [[99, 110, 110], 'packets', 'wrong'], [[null, 205, 205], 'packets', 'faulty packets'],
    [[105, null, 105], 'sei', 'faulty sei'], [[105, 135, 105], 'sei', 'faulty sei'], [[105, 105, 106], 'sei', 'wrong'], [[104, 105, 105], 'sei', 'wrong'],
    [[null, 105, 105], 'sei', 'unknown'], [[104, null, 105], 'unit', 'faulty unit'], [[105, 105, 106], 'unit', 'faulty unit'],
    [[105, 104, 195], 'stamps', 'faulty stamps'], [[105, 105, null], 'stamps', 'faulty stamps'], [[null, 105, 105], 'stamps', 'unknown'], [[119, 119, 115], 'stamps', 'faulty stamps'],
    [[121, 121, 120], 'stamps', 'wrong'], [[99, 99, 98], 'stamps', 'wrong'],
    [[105, 105, 195], 'playlist', 'faulty playlist'], [[50, 50, 140], 'playlist', 'faulty playlist'], [[110, 110, 195], 'playlist', 'wrong'],
    [[105, 106, 106], 'playlist', 'wrong'], [[null, 105, 105], 'request', 'faulty request'], [[null, 105, 105], 'not.known', 'faulty not.known'],
  ];
  for (const [numbers, layer, want] of cases) {
    const spoilt = { collateral: [span(200, 210)] };
    assert.equal(verdict(numbers, [fault(layer, 100, 109, spoilt)]), want, `${layer} ${numbers}`);
  }
  assert.equal(verdict([104, 105, 105], [fault('packets', 100, 109, { done: undefined, state: 'planned' })]), 'wrong');
  assert.equal(verdict([104, 106, 105], [fault('unit', 100, 109), fault('playlist', 100, 109)]), 'faulty unit');
});

test('a picture that is another one is held against what the truth says that is shown', () => {
  const freeze = [fault('picture', 100, 109)];
  const shows = { 100: 100, 105: 99, 106: 99, 107: 107 };
  const cases = [
    [[99, 105, 105], 'faulty picture'], [[null, 105, 105], 'faulty picture'], [[105, 105, 105], 'wrong'], [[98, 105, 105], 'wrong'],
    [[99, 105, 106], 'wrong'], [[99, null, 105], 'unknown'], [[100, 100, 100], 'exact'], [[107, 107, 107], 'exact'], [[106, 107, 107], 'wrong'],
    [[99, 108, 108], 'unknown'], [[108, 108, 108], 'exact'], [[null, 110, 110], 'unknown'], [[99, 110, 110], 'wrong'],
  ];
  for (const [numbers, want] of cases) assert.equal(verdict(numbers, freeze, shows), want, String(numbers));
  assert.equal(explain(compare(105, 105, 105), freeze, 60, () => 99).error, 6);
  assert.equal(verdict([99, null, 105], [...freeze, fault('sei', 100, 109)], shows), 'faulty picture');
});

test('most of the last pictures are faulty as labelled, or exact', () => {
  const [exact, faulty, unknown, wrong] = ['exact', 'faulty', 'unknown', 'wrong'].map((v) => ({ verdict: v }));
  assert.equal(overall([...Array(20).fill(exact), ...Array(30).fill(faulty), ...Array(10).fill(unknown)]), faulty);
  assert.equal(overall([...Array(30).fill(faulty), ...Array(30).fill(exact)]), exact);
  assert.equal(overall([...Array(59).fill(faulty), wrong]), wrong);
});

// A twin whose server answers with these faults.
function server(answers) {
  const asked = [];
  const api = {
    twin: 'main-x',
    faults: async (from) => { asked.push(from); if (!answers.length) throw new Error('away'); return answers.shift(); },
    shows: async (first, last) => { asked.push(`${first}-${last}`); return Object.fromEntries([first, last].map((n) => [n, 99])); },
  };
  return { feed: new FaultFeed(api, () => true), asked };
}

test('what is done is not asked for again, and what is planned no more is gone', async () => {
  const done = fault('sei', 10, 19);
  const active = fault('picture', 40, 99, { state: 'active', done: [span(40, 59)] });
  const planned = fault('stamps', 200, 209, { state: 'planned', done: undefined });
  const { feed, asked } = server([
    { faults: [done, active, planned], newest_frame: 59 }, { faults: [{ ...active, state: 'done', done: [span(40, 99)] }], newest_frame: 119 },
  ]);
  feed.from = 5;
  await feed.ask();
  assert.deepEqual([feed.list.map((f) => f.id), feed.from, feed.shows.get(40)], [['sei', 'picture', 'stamps'], 40, 99]);
  await feed.ask();
  assert.deepEqual([feed.list.map((f) => f.state), feed.from, feed.newest], [['done', 'done'], 120, 119]);
  await feed.ask(); // the server is away: what is known stays
  assert.deepEqual([feed.list.length, feed.from], [2, 120]);
  assert.deepEqual(asked, [5, '40-59', 40, '41-99', 120]);
});

test('a picture waits for the truth of its time, and what a fault explains is not wrong', async (t) => {
  let now = 0;
  const clock = Object.getOwnPropertyDescriptor(globalThis, 'performance');
  Object.defineProperty(globalThis, 'performance', { configurable: true, value: { now: () => now } });
  globalThis.OffscreenCanvas = class { getContext() { return null; } };
  t.after(() => { Object.defineProperty(globalThis, 'performance', clock); delete globalThis.OffscreenCanvas; });
  const dates = fault('playlist', 300, 359);
  const { feed } = server([{ faults: [], newest_frame: 299 }, { faults: [dates], newest_frame: 359 }, { faults: [], newest_frame: 419 }]);
  let media = 200;
  const check = new SelfCheck({}, { frameAt: () => media, recordAt: () => ({ frame: 200 }), fps: () => 30, judge: (s) => feed.judge(s) });
  check.watch.stop = () => {};
  feed.addEventListener('changed', () => check.judge());
  const picture = (n) => check.watch.onPicture({ pixels: n, mediaTime: 1, cut: false, taken: 'still' });
  const counts = () => [check.exact, check.faulty, check.errors, check.waiting.length];
  Object.assign(feed, { from: 0, segment: 60 });
  now = 1;
  await feed.ask();
  now = 2;
  picture(200);
  assert.deepEqual(counts(), [1, 0, 0, 0]);
  media = 290;
  picture(200); // by the playlist: of its fault nothing is known yet
  picture(200);
  assert.deepEqual(counts(), [1, 0, 0, 2]);
  now = 3;
  await feed.ask();
  assert.deepEqual(counts(), [1, 2, 0, 0]);
  picture(201); // no fault of a playlist makes that of the pixels and the SEI
  assert.deepEqual(counts(), [1, 2, 0, 1]);
  now = 4;
  await feed.ask();
  assert.deepEqual(counts(), [1, 2, 1, 0]);
});

test('a row has the plan, and over it what was done', () => {
  const lose = fault('packets', 95, 99, { done: [span(95, 95), span(97, 97)], collateral: [span(98, 119)] });
  assert.deepEqual(marksOf([lose]).map((m) => [m.part, m.frame, m.last]), [
    ['plan', 95, 99], ['collateral', 98, 119], ['done', 95, 95], ['done', 97, 97],
  ]);
  assert.equal(marksOf([lose])[0].title, 'packets: packets.x · done · 2 frames changed · 22 more look wrong');
  const refused = fault('sei', 5, 9, { state: 'not_done', reason: 'it meets a', done: undefined });
  assert.equal(marksOf([refused])[0].title, 'sei: sei.x · not done, it meets a');
  const planned = fault('stamps', 200, 209, { state: 'planned' });
  assert.equal(summaryOf([refused, lose, lose, planned], () => -14.2), '2 done · 1 not done · next stamps.x in 0:14');
  assert.equal(summaryOf([planned], () => null), 'next stamps.x');
});

test('twins are beside their channels, with addresses of their own and the truth of the clean one', () => {
  const twin = { channel: 'main-x', outputs: [{ kind: 'http-ts', name: '/live/main-x.ts', state: 'listening' }] };
  const streams = streamsOf([{ channel: 'a' }, { channel: 'main', container: 'fmp4,ts', twins: [twin] }]);
  assert.deepEqual(streams.map((s) => [s.channel, s.source]), [['a', 'a'], ['main', 'main'], ['main-x', 'main']]);
  const addresses = addressesOf(streams[2], true, 'http://h/').map((a) => a.address);
  assert.deepEqual(addresses.slice(0, 6), [
    'http://h/hls/main-x/master.m3u8', 'http://h/hls/main-x/index.m3u8', 'http://h/live/main-x.ts', 'http://h/faults?channel=main-x',
    'http://h/faults/stream?channel=main-x', 'http://h/markers?channel=main',
  ]);
});

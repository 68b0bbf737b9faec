import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamClock } from '../page/clocks.js';
import { SegmentMap } from '../page/check/segment-map.js';
import { FRAME_RECORD_UUID, SeiIndex, parseFrameRecord } from '../page/check/sei-index.js';
import { compare } from '../page/check/self-check.js';

const RATES = [[24000, 1001], [25, 1], [30000, 1001], [30, 1], [50, 1], [60000, 1001], [60, 1]];

function window(num, den, first, count, gaps = []) {
  const clock = new StreamClock({ epoch: '2026-01-02T03:04:05.678Z', fps_num: num, fps_den: den, frames_per_segment: 60 });
  const length = (60 * den) / num;
  const segments = Array.from({ length: count }, (_, i) => ({
    start: 7.25 + i * length, end: 7.25 + (i + 1) * length, utc: clock.utcNanos((first + i) * 60), gap: gaps.includes(i),
  }));
  return { clock, map: new SegmentMap(clock, segments), length };
}

test('media time and frame map to each other, at every rate and far from the epoch', () => {
  for (const [num, den] of RATES) {
    for (const first of [0, 5, 1_000_000]) {
      const { map } = window(num, den, first, 5);
      for (let k = 0; k < 300; k++) {
        const n = first * 60 + k;
        // Microseconds are what a browser gives.
        const time = Math.floor((7.25 + (k * den) / num) * 1e6) / 1e6;
        assert.equal(map.frameAt(time), n);
        assert.equal(map.frameCovering(map.seekTimeOf(n)), n);
        assert.equal(map.frameAt(time + (0.5 * den) / num), null);
      }
      assert.equal(map.firstFrame, first * 60);
      assert.equal(map.endFrame, first * 60 + 300);
      assert.equal(map.seekTimeOf(first * 60 - 1), null);
      assert.equal(map.seekTimeOf(first * 60 + 300), null);
      assert.equal(map.frameAt(7.25 - 1), null);
      assert.equal(map.frameAt(7.25 + 1000), null);
    }
  }
});

test('a gap has a place but no frames', () => {
  const { map, length } = window(30, 1, 10, 4, [1]);
  assert.equal(map.seekTimeOf(11 * 60 + 5), null);
  assert.equal(map.frameAt(7.25 + length + 0.1), null);
  assert.equal(map.timeOf(11 * 60), 7.25 + length);
  assert.equal(map.frameAt(7.25 + 2 * length), 12 * 60, 'numbering goes on after it');
});

test('a date-time that jumps is followed, and what lies between has no frame', () => {
  const { clock } = window(30, 1, 0, 1);
  const map = new SegmentMap(clock, [
    { start: 0, end: 2, utc: clock.utcNanos(600), gap: false },
    { start: 2, end: 4, utc: clock.utcNanos(6000), gap: false },
    { start: 4, end: 6, utc: null, gap: false },
  ]);
  assert.equal(map.frameAt(2), 6000);
  assert.equal(map.frameAt(2 - 1 / 30), 659);
  assert.equal(map.seekTimeOf(3000), null);
  assert.equal(map.timeOf(3000), 2);
  assert.equal(map.frameAt(5), null, 'no date-time, no frame');
  assert.equal(new SegmentMap(clock, []).frameAt(0), null);
  assert.equal(new SegmentMap(clock, []).timeOf(0), null);
});

test('a date-time that is no frame time maps nothing', () => {
  const { clock } = window(30, 1, 0, 1);
  const map = new SegmentMap(clock, [{ start: 0, end: 2, utc: clock.utcNanos(600) + 16_666_666n, gap: false }]);
  assert.equal(map.frameAt(0), null);
});

test('frame records are found by media time only where they belong', () => {
  const index = new SeiIndex(60);
  for (let k = 0; k < 200; k++) index.add(3.141 + k / 60, { frame: 1000 + k });
  for (let k = 0; k < 200; k++) {
    assert.equal(index.find(3.141 + k / 60 + 1e-5).frame, 1000 + k);
    assert.equal(index.find(3.141 + k / 60 + 0.39 / 60).frame, 1000 + k);
    assert.equal(index.find(3.141 + (k + 0.5) / 60), null);
  }
  index.add(3.141 + 1e-4, { frame: 7 });
  assert.equal(index.find(3.141).frame, 7, 'a segment loaded again replaces its records');
  assert.equal(index.size, 200);
  assert.equal(index.find(0), null);
  index.clear();
  assert.equal(index.find(3.141), null);
});

test('the index does not grow without bound', () => {
  const index = new SeiIndex(30);
  for (let k = 0; k < 40_000; k++) index.add(k / 30, { frame: k });
  assert.equal(index.size, 36_000);
  assert.equal(index.find(0), null);
  assert.equal(index.find(39_999 / 30).frame, 39_999);
});

test('only our own user data is a frame record', () => {
  const bytes = (text) => new TextEncoder().encode(text);
  const good = '{"frame":600,"channel":"main","run":2,"gen_ns":1767225620000000001,"pts":1890000,"event":"main-e4"}';
  assert.deepEqual(parseFrameRecord({ uuid: FRAME_RECORD_UUID, userDataBytes: bytes(good) }),
    { frame: 600, run: 2, event: 'main-e4', genNanos: 1767225620000000001n });
  const cases = [
    { uuid: 'dc45e9bd-e6d9-48b7-962c-d820d923eeef', userDataBytes: bytes(good) },
    { uuid: FRAME_RECORD_UUID, userDataBytes: bytes('{"frame":6') },
    { uuid: FRAME_RECORD_UUID, userDataBytes: bytes('{"frame":"600"}') },
    { uuid: FRAME_RECORD_UUID, userDataBytes: Uint8Array.of(0xff, 0xfe) },
    { uuid: FRAME_RECORD_UUID, userDataBytes: bytes('null') },
    { uuid: FRAME_RECORD_UUID },
    {},
  ];
  for (const sample of cases) assert.equal(parseFrameRecord(sample), null);
});

test('exact needs all three numbers; any two that differ are wrong', () => {
  const cases = [
    [[5, 5, 5], 0, 'exact'], [[5, 6, 5], 1, 'wrong'], [[5, 5, 9], 4, 'wrong'], [[null, 5, 5], 0, 'unknown'],
    [[null, 5, 6], 1, 'wrong'], [[5, null, null], null, 'unknown'], [[null, null, null], null, 'unknown'],
  ];
  for (const [numbers, error, verdict] of cases) {
    const got = compare(...numbers);
    assert.deepEqual([got.error, got.verdict], [error, verdict], String(numbers));
  }
});

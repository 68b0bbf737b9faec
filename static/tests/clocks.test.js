import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ServerTime, StreamClock, floorDiv, formatAgo, formatCount, formatLag, formatSeconds, formatUtc, parseUtc,
} from '../page/clocks.js';

const RATES = [[24000, 1001], [24, 1], [25, 1], [30000, 1001], [30, 1], [50, 1], [60000, 1001], [60, 1], [1, 1], [25, 2], [120000, 1001], [240, 1]];

const clock = (num, den, drop = false, epoch = '2026-01-02T03:04:05.678Z') =>
  new StreamClock({ epoch, fps_num: num, fps_den: den, drop_frame: drop, frames_per_segment: 60 });

test('times are read to the nanosecond', () => {
  const cases = [
    ['1970-01-01T00:00:00Z', 0n], ['1970-01-01T00:00:00.000000001Z', 1n], ['1970-01-01T00:00:01.5Z', 1500000000n],
    ['2026-01-02T03:04:05.123456789Z', 1767323045123456789n], ['2026-01-02T05:04:05.123456789+02:00', 1767323045123456789n],
    ['2026-01-02T03:04:05.123+0000', 1767323045123000000n], ['1969-12-31T23:59:59.9Z', -100000000n],
    ['', null], [undefined, null], ['yesterday', null], ['2026-01-02', null], ['2026-13-02T00:00:00Z', null],
    ['2026-01-02T03:04:05', null],
  ];
  for (const [text, want] of cases) assert.equal(parseUtc(text), want, String(text));
});

test('a frame is found again from its time, at every rate', () => {
  for (const [num, den] of RATES) {
    const c = clock(num, den);
    for (const n of [0, 1, 2, 59, 60, 1001, 107892, 5_000_000, 2 ** 40]) {
      const utc = c.utcNanos(n);
      assert.equal(c.frameAtUtc(utc), n, `${n} at ${num}/${den}`);
      // A playlist writes milliseconds: what is cut off must not matter.
      assert.equal(c.frameAtUtc(floorDiv(utc, 1_000_000n) * 1_000_000n), n, `${n} at ${num}/${den}, in ms`);
      const frame = Number((1_000_000_000n * BigInt(den)) / BigInt(num));
      assert.equal(c.frameAtUtc(utc + BigInt(Math.round(frame * 0.5))), null, 'half way between two frames is neither');
      assert.equal(c.frameAtUtc(utc + BigInt(Math.round(frame * 0.39))), n);
      assert.equal(c.frameAtUtc(utc - BigInt(Math.round(frame * 0.39))), n);
    }
  }
});

test('HLS time rounds down', () => {
  assert.equal(clock(30000, 1001).hlsNanos(1), 33366666n);
  assert.equal(clock(30000, 1001).hlsNanos(30000), 1001000000000n);
  assert.equal(clock(24, 1).hlsNanos(1), 41666666n);
});

test('timecode follows SMPTE ST 12-1', () => {
  const cases = [
    [30, 1, false, 0, '00:00:00:00'], [30, 1, false, 30 * 3661 + 7, '01:01:01:07'], [25, 1, false, 25 * 86400, '00:00:00:00'],
    [24000, 1001, false, 24 * 60, '00:01:00:00'], [30000, 1001, false, 107892, '00:59:56:12'],
    [30000, 1001, true, 0, '00:00:00;00'], [30000, 1001, true, 1799, '00:00:59;29'], [30000, 1001, true, 1800, '00:01:00;02'],
    [30000, 1001, true, 17981, '00:09:59;29'], [30000, 1001, true, 17982, '00:10:00;00'], [30000, 1001, true, 107892, '01:00:00;00'],
    [30000, 1001, true, 2589408, '00:00:00;00'], [60000, 1001, true, 3599, '00:00:59;59'], [60000, 1001, true, 3600, '00:01:00;04'],
    [60000, 1001, true, 35964, '00:10:00;00'], [25, 2, false, 12, '00:00:00:12'], [25, 2, false, 13, '00:00:01:00'],
    [1, 1, false, 61, '00:01:01:00'], [100, 1, false, 99, '00:00:00:99'], [120, 1, false, 5, '00:00:00:005'],
    [120000, 1001, false, 121, '00:00:01:001'], [240, 1, false, 240 * 86400 - 1, '23:59:59:239'],
  ];
  for (const [num, den, drop, n, want] of cases) assert.equal(clock(num, den, drop).timecode(n), want, `${n} at ${num}/${den}`);
});

test('clocks that lack the epoch or the rate are refused', () => {
  assert.throws(() => new StreamClock({ fps_num: 30, fps_den: 1 }));
  assert.throws(() => new StreamClock({ epoch: '2026-01-01T00:00:00Z', fps_num: 0, fps_den: 1 }));
});

test('the quickest answer sets the server time', () => {
  const time = new ServerTime(3);
  assert.equal(time.at(0), null);
  time.add(0, 100, 1_000_050_000_000n);
  time.add(200, 210, 1_000_300_000_000n);
  time.add(400, 900, 1_000_945_000_000n);
  assert.equal(time.at(205), 1_000_300);
  assert.equal(time.at(305), 1_000_400);
  for (let i = 0; i < 3; i++) time.add(1000, 1020, 1_001_100_000_000n);
  assert.equal(time.at(1010), 1_001_100, 'old answers are forgotten');
});

test('a server clock that is set, goes back or runs at another rate is followed', () => {
  const time = new ServerTime();
  for (let i = 0; i < 5; i++) time.add(1000 * i, 1000 * i + 4, BigInt(5_000_002 + 1000 * i) * 1_000_000n);
  assert.equal(time.at(4002), 5_004_002);
  time.add(5000, 5030, 5_030_015_000_000n);
  assert.equal(time.at(5015), 5_030_015, 'half a minute on, though its answer took longer');
  time.add(6000, 6400, 5_031_300_000_000n);
  assert.equal(time.at(6200), 5_031_200, 'a slow answer that agrees changes nothing');
  time.add(7000, 7040, 5_000_000_000_000n);
  assert.equal(time.at(7020), 5_000_000, 'back to the start, as a recording that begins anew');
  for (let i = 1; i < 10; i++) {
    time.add(7000 + 1000 * i, 7004 + 1000 * i, BigInt(5_000_000 + 2000 * i) * 1_000_000n);
    assert.equal(time.at(7002 + 1000 * i), 5_000_000 + 2000 * i, 'twice as fast');
  }
});

test('formats', () => {
  assert.equal(formatUtc(parseUtc('2026-01-02T03:04:05.678999Z')), '03:04:05.678');
  assert.equal(formatSeconds(411533999999n), '411.533');
  assert.equal(formatSeconds(-1n), '−0.001');
  assert.equal(formatAgo(61.4), '1:01');
  assert.equal(formatAgo(3661), '1:01:01');
  assert.equal(formatAgo(-3), '0:00');
  assert.equal(formatLag(3_240_000n), '+3.2 ms');
  assert.equal(formatLag(-12_000_000n), '−12.0 ms');
  assert.equal(formatCount(1234567), '1\u2009234\u2009567');
});

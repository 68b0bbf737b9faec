import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userDataOf } from '../page/player/cmaf-userdata.js';
import { DashEngine, segmentsOf } from '../page/player/dash.js';

const manifestOf = (S, more = {}) => ({
  type: 'dynamic', availabilityStartTime: new Date('2026-01-01T00:00:00.500Z'),
  Period: [{
    AdaptationSet: [
      { contentType: 'audio', Representation: [{ SegmentTemplate: { timescale: 48000, SegmentTimeline: { S: [{ t: 0, d: 48000, r: 9 }] } } }] },
      { contentType: 'video', Representation: [{ SegmentTemplate: { timescale: 90000, startNumber: 7, SegmentTimeline: { S } } }] },
    ],
    ...more,
  }],
});

test('segments are where the timeline of the video has them, and a hole in it is a gap', () => {
  const list = segmentsOf(manifestOf([{ t: 90000, d: 90090, r: 1 }, { t: 90000 + 3 * 90090, d: 90090 }, { d: 45000 }]));
  assert.deepEqual(list.map(({ sn, tagList }) => [sn, tagList.length]), [[7, 0], [8, 0], [-1, 1], [9, 0], [10, 0]]);
  assert.deepEqual(list.map((s) => s.start.toFixed(3)), ['1.000', '2.001', '3.002', '4.003', '5.004']);
  assert.ok(Math.abs(list[4].duration - 0.5) < 1e-9);
  assert.equal(list[1].utc, BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n + 2_501_000_000n);
});

test('a period begins where it says, and its times less the offset', () => {
  const [first] = segmentsOf(manifestOf([{ t: 180000, d: 90000 }], { start: 10 }));
  assert.equal(first.start, 12);
  assert.deepEqual(segmentsOf({ availabilityStartTime: new Date(0), Period: [{ AdaptationSet: [] }] }), []);
  assert.deepEqual(segmentsOf({ availabilityStartTime: new Date(0) }), []);
});

test('a player that has not begun has no levels', () => {
  const engine = new DashEngine();
  assert.deepEqual([engine.levels, engine.currentLevel, engine.liveSyncPosition], [[], -1, null]);
  engine.destroy();
});

// A segment of two pictures, by ISO/IEC 14496-12: the second is shown before the first.
const word = (n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const box = (type, ...content) => {
  const body = content.flat();
  return [...word(8 + body.length), ...new TextEncoder().encode(type), ...body];
};
const uuid = [0xbb, 0x53, 0xd2, 0xdf, 0xcb, 0x3f, 0x50, 0x8b, 0xaf, 0x64, 0xb4, 0x60, 0x92, 0x64, 0x51, 0x1b];

function segment(texts, { flags = 0xe01, sizes = true } = {}) {
  const samples = texts.map((text) => {
    const payload = [...uuid, ...text];
    const sei = [6, 5, ...(payload.length >= 255 ? [255] : []), payload.length % 255, ...payload, 0x80];
    const escaped = sei.flatMap((b, i) => (i > 1 && b <= 3 && sei[i - 1] === 0 && sei[i - 2] === 0 ? [3, b] : [b]));
    return [...word(2), 9, 16, ...word(escaped.length), ...escaped, ...word(3), 0x65, 0, 5];
  });
  const trun = (offset) => box('trun', [1, ...word(flags).slice(1)], word(samples.length), word(offset),
    samples.flatMap((s, i) => [...(flags & 0x100 ? word(3000) : []), ...(sizes ? word(s.length) : []), ...(flags & 0x400 ? word(0) : []), ...word(i === 0 ? 6000 : -3000)]));
  const moof = (offset) => box('moof', box('mfhd', word(0), word(1)), box('traf',
    box('tfhd', word(0x020008), word(1), word(3000)), box('tfdt', word(0x01000000), word(1), word(0)), trun(offset)));
  const head = moof(moof(0).length + 8);
  return Uint8Array.from([...box('styp', word(0)), ...head, ...box('mdat', samples.flat())]).buffer;
}

test('user data has the presentation time of its picture, whole beyond 32 bits, without emulation prevention', () => {
  const long = Array.from({ length: 300 }, (_, i) => (i % 255) + 1);
  const found = userDataOf(segment([[1, 0, 0, 1], long]), 90000);
  assert.deepEqual(found.map((f) => f.pts), [(2 ** 32 + 6000) / 90000, 2 ** 32 / 90000]);
  assert.deepEqual(found.map((f) => f.uuid), ['bb53d2df-cb3f-508b-af64-b4609264511b', 'bb53d2df-cb3f-508b-af64-b4609264511b']);
  assert.deepEqual([...found[0].userDataBytes], [1, 0, 0, 1]);
});

test('what is cut off or no segment gives what is whole of it, and ends', () => {
  const whole = segment([[1, 2], [3, 4]]);
  for (let length = 0; length <= whole.byteLength; length++) {
    const found = userDataOf(whole.slice(0, length), 90000);
    assert.ok(found.length <= 2 && found.every((f) => f.userDataBytes.length <= 2));
  }
  assert.deepEqual(userDataOf(new Uint8Array(64).buffer, 90000), []);
  assert.deepEqual(userDataOf(Uint8Array.from(box('moof', box('traf'))).buffer, 90000), []);
});

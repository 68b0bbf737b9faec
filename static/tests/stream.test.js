import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TroubleList, troubleOf, wordOf } from '../page/player/stream-trouble.js';

test('errors are told in words', () => {
  const cases = [
    ['manifestLoadError', 'Playlist can’t be had'], ['levelLoadTimeOut', 'Playlist takes too long'],
    ['manifestParsingError', 'Playlist is not valid'], ['fragLoadError', 'Segment can’t be had'],
    ['fragDecryptError', 'Segment can’t be decrypted'], ['keyLoadError', 'Key can’t be had'],
    ['audioTrackLoadError', 'Audio playlist can’t be had'], ['levelEmptyError', 'Playlist is empty'],
    ['bufferStalledError', 'Playback stalls: nothing is buffered'], ['somethingNew', 'somethingNew'], [undefined, 'Error'],
    ['keySystemLoadError', 'keySystemLoadError'],
  ];
  for (const [details, want] of cases) assert.equal(wordOf(details), want, String(details));
});

test('a trouble names status, segment and file', () => {
  assert.deepEqual(
    troubleOf({ details: 'fragLoadError', fatal: true, response: { code: 404, url: 'http://h/a.ts' }, frag: { sn: 0, url: 'http://h/b.ts' } }),
    { what: 'Segment can’t be had', status: '404', segment: '0', url: 'http://h/a.ts', fatal: true });
  assert.deepEqual(
    troubleOf({ details: 'manifestLoadError', response: { code: 0 }, context: { url: 'http://h/m.m3u8' } }),
    { what: 'Playlist can’t be had', status: 'no answer', segment: '', url: 'http://h/m.m3u8', fatal: false });
  assert.equal(troubleOf({ details: 'fragLoadTimeOut', frag: { sn: 'initSegment', url: 'i.mp4' } }).segment, 'map');
  assert.equal(troubleOf({ details: 'bufferStalledError' }).status, '', 'no request, no status');
  assert.equal(troubleOf({}).what, 'Error');
  assert.ok(troubleOf({ details: 'keyLoadError', url: 'x'.repeat(10_000) }).url.length <= 300);
});

test('the list is short, newest first, and counts what comes again', () => {
  const troubles = new TroubleList(3);
  const trouble = (segment, fatal = false) => ({ what: 'Segment can’t be had', status: '404', segment, url: 'u', fatal });
  for (let i = 0; i < 5; i++) troubles.add(trouble(String(i)), i);
  assert.deepEqual(troubles.list.map((t) => t.segment), ['4', '3', '2']);
  assert.equal(troubles.total, 5);
  troubles.add(trouble('3', true), 9);
  troubles.add(trouble('3'), 10);
  assert.deepEqual(troubles.list.map((t) => [t.segment, t.times, t.at, t.fatal]), [['3', 3, 10, true], ['4', 1, 4, false], ['2', 1, 2, false]]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf } from '../page/addresses.js';

const outputs = [
  { kind: 'http-ts', name: '/live/main.ts', state: 'listening' }, { kind: 'http-flv', name: '/live/main.flv', state: 'listening' },
  { kind: 'tcp-ts', name: 'tcp://[::]:4445', state: 'listening' }, { kind: 'rtmp', name: 'rtmp://0.0.0.0:1935/live/main', state: 'listening' },
  { kind: 'push', name: 'rtmp://host/app', state: 'connecting' }, { kind: 'relay', name: 'srt://127.0.0.1:9000', state: 'running' },
  { kind: 'relay', name: '/srv/out.mp4', state: 'running' }, { kind: 'new', name: 'x:1', state: 'listening' },
];

const of = (channel, several, base, second) => Object.fromEntries(addressesOf(channel, several, base, second).map((a) => [a.address, a]));

test('every output has an address that leads to it from where the page is', () => {
  const got = of({ channel: 'main', outputs }, false, 'http://box:8080/');
  const want = [
    'http://box:8080/hls/main/master.m3u8', 'http://box:8080/hls/main/index.m3u8', 'http://box:8080/live/main.ts', 'http://box:8080/live/main.flv',
    'tcp://box:4445', 'rtmp://box:1935/live/main', 'rtmp://host/app', 'srt://127.0.0.1:9000', '/srv/out.mp4', 'x:1', 'http://box:8080/markers',
    'http://box:8080/markers/stream', 'http://box:8080/frames', 'http://box:8080/segments', 'http://box:8080/clocks', 'http://box:8080/detections',
  ];
  assert.deepEqual(Object.keys(got), want);
  assert.deepEqual([got['rtmp://host/app'].name, got['rtmp://host/app'].state], ['Pushed to', 'connecting']);
  assert.deepEqual([got['tcp://box:4445'].state, got['tcp://box:4445'].link, got['http://box:8080/frames'].link], ['', false, true]);
  assert.equal(got['x:1'].name, 'new');
});

test('below a path of a proxy the addresses are below it too, and a channel among several is named', () => {
  const got = of({ channel: 'a b', outputs: [outputs[0]] }, true, 'https://host/ref/?channel=a%20b');
  assert.ok(got['https://host/ref/hls/a%20b/master.m3u8']);
  assert.ok(got['https://host/ref/live/main.ts']);
  assert.ok(got['https://host/ref/markers?channel=a%20b']);
});

test('the second container has playlists of its own', () => {
  const got = of({ channel: 'main', container: 'fmp4,ts' }, false, 'http://h/');
  assert.equal(got['http://h/hls/main/master.m3u8'].name, 'HLS, fMP4, multivariant playlist');
  assert.equal(got['http://h/hls/main/index-ts.m3u8'].name, 'HLS, MPEG-TS, media playlist');
  assert.ok(got['http://h/hls/main/master-ts.m3u8']);
  assert.equal(addressesOf({ channel: 'main', container: 'fmp4' }, false, 'http://h/').length, 8);
});

test('DASH brings fragmented MP4 beside the container, and a twin has MPEG-TS first', () => {
  const has = (channel, ...paths) => {
    const got = of(channel, true, 'http://h/', 7);
    for (const path of paths) assert.ok(got[`http://h/${path}`], `${path} is not in ${Object.keys(got)}`);
  };
  has({ channel: 'main', dash: true }, 'dash/main/manifest.mpd', 'hls/main/master.m3u8', 'hls/main/master-fmp4.m3u8');
  has({ channel: 'main', container: 'fmp4', dash: true }, 'dash/main/manifest.mpd', 'hls/main/master.m3u8');
  has({ channel: 'main-x', source: 'main', dash: true }, 'dash/main-x/manifest.mpd', 'hls/main-x/master.m3u8', 'hls/main-x/index-fmp4.m3u8');
  assert.equal(Object.keys(of({ channel: 'main', container: 'fmp4', dash: true }, false, 'http://h/')).filter((a) => a.includes('/hls/')).length, 2);
});

test('a channel with sound has the reference of a second', () => {
  const wav = (audio, second) => addressesOf({ channel: 'main', audio }, true, 'http://h/', second).filter((a) => a.address.includes('.wav'));
  assert.deepEqual(wav(true, 7).map((a) => a.address), ['http://h/audio/7.wav?channel=main']);
  assert.deepEqual([wav(true, null), wav(false, 7)], [[], []]);
});

test('a server that does not generate the channel has no outputs', () => {
  assert.equal(addressesOf({ channel: 'main' }, false, 'http://h/').length, 8);
});

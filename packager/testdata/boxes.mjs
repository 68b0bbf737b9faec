// Prints what mp4box.js reads of an initialization section and segments: node boxes.mjs init.mp4 seg.m4s...
import { readFileSync } from 'node:fs';
import { createFile, MP4BoxBuffer } from 'mp4box';

const file = createFile();
const out = { codec: '', timescale: 0, edits: false, samples: [], events: [], times: [] };
file.onError = (e) => { throw new Error(e); };
file.onReady = (info) => {
  const track = info.tracks[0];
  out.codec = track.codec;
  out.timescale = track.timescale;
  out.edits = Boolean(track.edits);
  file.setExtractionOptions(track.id, null, { nbSamples: 1 });
  file.start();
};
file.onSamples = (id, user, samples) => {
  for (const s of samples) {
    out.samples.push({ pts: s.cts, dts: s.dts, duration: s.duration, key: s.is_sync, size: s.size });
  }
};
const all = Buffer.concat(process.argv.slice(2).map((name) => readFileSync(name)));
file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(all).buffer, 0));
file.flush();
for (const box of file.boxes) {
  if (box.type === 'emsg') {
    out.events.push({ scheme: box.scheme_id_uri, id: box.id, pts: Number(box.presentation_time), duration: box.event_duration,
      version: box.version, timescale: box.timescale, data: Buffer.from(box.message_data).toString('hex') });
  }
  if (box.type === 'prft') {
    // The time itself is more than a number of JavaScript holds.
    out.times.push({ flags: box.flags, seconds: all.readUInt32BE(box.start + 16), fraction: all.readUInt32BE(box.start + 20), pts: Number(box.media_time) });
  }
}
console.log(JSON.stringify(out));

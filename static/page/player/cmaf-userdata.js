// User data in the SEI messages of fragmented MP4 (ISO/IEC 14496-12 and -15; H.264, 7.3.2.3.1 and D.1.7), as hls.js gives it: dash.js
// hands out the segments themselves.

const SEI = 6;
const UNREGISTERED = 5;
const LENGTH = 4; // of the length before each NAL unit

/**
 * @param {ArrayBuffer} buffer a media segment of one video track
 * @param {number} timescale ticks a second
 * @returns {{pts: number, uuid: string, userDataBytes: Uint8Array}[]} pts in seconds; nothing of what is not as it should be
 */
export function userDataOf(buffer, timescale) {
  const view = new DataView(buffer);
  const found = [];
  try {
    for (const moof of boxes(view, 0, view.byteLength, 'moof')) {
      for (const traf of boxes(view, moof.from, moof.to, 'traf')) {
        for (const { time, from, to } of samplesOf(view, moof.start, traf)) {
          for (const nal of nalUnits(view, from, to)) readSei(nal, (uuid, userDataBytes) => found.push({ pts: time / timescale, uuid, userDataBytes }));
        }
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // it is cut off, or is none: what was found before counts
  }
  return found;
}

function* boxes(view, from, to, type) {
  for (let at = from; at + 8 <= to;) {
    let size = view.getUint32(at);
    let head = 8;
    if (size === 1) {
      size = Number(view.getBigUint64(at + 8));
      head = 16;
    }
    if (size < head) return;
    if (String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i))) === type) yield { start: at, from: at + head, to: at + size };
    at += size;
  }
}

// The samples of a track fragment, with their presentation times.
function* samplesOf(view, moof, traf) {
  const [tfhd] = boxes(view, traf.from, traf.to, 'tfhd');
  const [tfdt] = boxes(view, traf.from, traf.to, 'tfdt');
  if (!tfhd || !tfdt) return;
  let time = view.getUint8(tfdt.from) === 1 ? Number(view.getBigUint64(tfdt.from + 4)) : view.getUint32(tfdt.from + 4);
  const has = view.getUint32(tfhd.from);
  let at = tfhd.from + 8;
  if (has & 1) at += 8; // base_data_offset
  if (has & 2) at += 4; // sample_description_index
  const duration = has & 8 ? view.getUint32(at) : 0;
  if (has & 8) at += 4;
  const size = has & 16 ? view.getUint32(at) : 0;
  for (const trun of boxes(view, traf.from, traf.to, 'trun')) {
    const flags = view.getUint32(trun.from);
    const count = view.getUint32(trun.from + 4);
    let p = trun.from + 8;
    const next = () => view.getUint32((p += 4) - 4);
    let from = moof + (flags & 1 ? next() : 0);
    if (flags & 4) next();
    for (let i = 0; i < count; i++) {
      const long = flags & 0x100 ? next() : duration;
      const bytes = flags & 0x200 ? next() : size;
      if (flags & 0x400) next();
      const shift = flags & 0x800 ? next() | 0 : 0; // signed in version 1, and small in version 0
      yield { time: time + shift, from, to: from + bytes };
      time += long;
      from += bytes;
    }
  }
}

function* nalUnits(view, from, to) {
  for (let at = from; at + LENGTH < to;) {
    const size = view.getUint32(at);
    at += LENGTH;
    if ((view.getUint8(at) & 31) === SEI) yield unescaped(new Uint8Array(view.buffer, view.byteOffset + at + 1, size - 1));
    at += size;
  }
}

// Without the emulation prevention bytes.
function unescaped(bytes) {
  const out = [];
  let zeros = 0;
  for (const b of bytes) {
    if (zeros >= 2 && b === 3) {
      zeros = 0;
      continue;
    }
    zeros = b === 0 ? zeros + 1 : 0;
    out.push(b);
  }
  return Uint8Array.from(out);
}

function readSei(bytes, give) {
  let at = 0;
  const number = () => {
    let n = 0;
    while (bytes[at] === 255) {
      n += 255;
      at++;
    }
    return n + bytes[at++];
  };
  while (at + 2 < bytes.length) {
    const type = number();
    const size = number();
    if (type === UNREGISTERED && size >= 16 && at + size <= bytes.length) {
      const hex = [...bytes.subarray(at, at + 16)].map((b) => b.toString(16).padStart(2, '0')).join('');
      give(hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'), bytes.slice(at + 16, at + size));
    }
    at += size;
  }
}

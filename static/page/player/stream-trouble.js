// What went wrong with a stream, in words: from the errors of hls.js and of the video element.

const FILES = {
  manifest: 'Playlist', level: 'Playlist', audioTrack: 'Audio playlist', subtitleTrack: 'Subtitle playlist', frag: 'Segment',
  key: 'Key',
};
const FAULTS = {
  LoadError: 'can’t be had', LoadTimeOut: 'takes too long', ParsingError: 'is not valid', DecryptError: 'can’t be decrypted',
  EmptyError: 'is empty',
};
const OTHERS = {
  bufferStalledError: 'Playback stalls: nothing is buffered', bufferNudgeOnStall: 'Playback stalls: moved on a little',
  bufferSeekOverHole: 'A hole in the stream was skipped', bufferFullError: 'The browser’s buffer is full',
  bufferAppendError: 'The browser refuses a segment', bufferAppendingError: 'The browser refuses a segment',
  bufferAddCodecError: 'The browser can’t decode this codec', bufferIncompatibleCodecsError: 'The browser can’t decode this codec',
  manifestIncompatibleCodecsError: 'The browser can’t decode any variant', fragGap: 'A gap in the stream',
  mediaSourceRequiresReset: 'The tracks changed: decoding begins anew', aborted: 'Loading was broken off',
};

// A file's name in full is for the tooltip; addresses of files that are as long as a page are not.
const MAX_URL = 300;

/** A word for an hls.js error's details, such as "fragLoadError". */
export function wordOf(details) {
  if (OTHERS[details]) return OTHERS[details];
  const m = /^([a-zA-Z]+?)(LoadError|LoadTimeOut|ParsingError|DecryptError|EmptyError)$/.exec(details ?? '');
  return m && FILES[m[1]] ? `${FILES[m[1]]} ${FAULTS[m[2]]}` : String(details || 'Error');
}

/**
 * What an hls.js error is about.
 * @returns {{what: string, status: string, segment: string, url: string, fatal: boolean}} status is the answer's HTTP
 *   status, "no answer" where a request had none, empty where no request failed
 */
export function troubleOf(data) {
  const failed = /Load(Error|TimeOut)$/.test(data.details ?? '');
  const code = data.response?.code || data.networkDetails?.status || 0;
  const segment = data.frag ? data.frag.sn : null;
  const url = data.response?.url || data.url || data.frag?.url || data.context?.url || '';
  return {
    what: wordOf(data.details),
    status: !failed ? '' : code >= 100 ? String(code) : 'no answer',
    segment: segment === null || segment === undefined ? '' : segment === 'initSegment' ? 'map' : String(segment),
    url: url.slice(0, MAX_URL),
    fatal: Boolean(data.fatal),
  };
}

/** The last troubles, newest first; the same again is counted. */
export class TroubleList {
  constructor(keep = 30) {
    this.keep = keep;
    this.total = 0;
    this.list = [];
  }

  /** @param {number} at seconds since the page began */
  add(trouble, at) {
    this.total++;
    const same = this.list.find((t) => ['what', 'status', 'segment', 'url'].every((k) => t[k] === trouble[k]));
    if (same) this.list.splice(this.list.indexOf(same), 1);
    this.list.unshift({ ...trouble, fatal: trouble.fatal || Boolean(same?.fatal), times: (same?.times ?? 0) + 1, at });
    this.list.length = Math.min(this.list.length, this.keep);
  }
}

// The forms in which a channel is published for players, and where.

const CONTAINERS = { ts: 'MPEG-TS', fmp4: 'fMP4' };

/** The containers that a channel's segments are in, the one of the plain names first. A twin's are MPEG-TS, and for DASH fragmented MP4 too. */
export function containersOf({ container, dash }, twin = false) {
  const list = twin || !container ? ['ts'] : container.split(',');
  return dash && !list.includes('fmp4') ? [...list, 'fmp4'] : list;
}

/**
 * The forms in which a channel can be played, by their names: {label, playlist, media}, or for DASH {label, manifest}.
 * @param {object} channel an entry of /channels, or the answer of /clocks
 */
export function formsOf(channel, twin = false) {
  const forms = {};
  containersOf(channel, twin).forEach((c, i) => {
    const suffix = i === 0 ? '' : `-${c}`;
    forms[`hls-${c}`] = { label: `HLS, ${CONTAINERS[c] ?? c}`, playlist: `master${suffix}.m3u8`, media: `index${suffix}.m3u8` };
  });
  if (channel.dash) forms.dash = { label: 'DASH', manifest: 'manifest.mpd' };
  return forms;
}

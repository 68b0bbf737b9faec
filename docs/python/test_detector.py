"""Scores a detector with a live stream: REFSTREAM_URL=http://127.0.0.1:8080 python3 -m pytest"""
import json
import os
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from detector import detect

URL = os.environ.get('REFSTREAM_URL', 'http://127.0.0.1:8080')
TOLERANCE = 0.1  # seconds


def test_every_event_is_found():
    rate = json.load(urlopen(f'{URL}/clocks'))
    frames, first, last = detect(f'{URL}/hls/main/index.m3u8', os.environ.get('SECONDS_TO_WATCH', '30'))

    def time_of(frame):  # in seconds from frame 0
        return frame * rate['fps_den'] / rate['fps_num']

    # Only what the detector has seen counts: events that begin after its first frame, up to its last one.
    query = urlencode({'clock': 'frame', 'ts_start': time_of(first), 'ts_end': time_of(last), 'tolerance': TOLERANCE})
    answer = urlopen(Request(f'{URL}/score?{query}', json.dumps(frames).encode(), {'Content-Type': 'application/json'}))
    score = json.load(answer)
    assert score['markers'] > 0, 'no event began meanwhile: watch longer, or start the server with --event-every 4s --event-length 1s'
    assert score['missed'] == 0, score['missed_markers']
    assert score['spurious'] == 0, score['spurious_detections']

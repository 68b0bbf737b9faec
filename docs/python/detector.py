"""A detector of events without OpenCV: ffmpeg decodes, numpy looks for cyan. Put your own in its place.

    python3 detector.py http://127.0.0.1:8080/hls/main/index.m3u8 20
"""
import json
import subprocess
import sys

import numpy as np

from frame_code import read_frame_code

WIDTH, HEIGHT = 320, 180


def pictures(stream, seconds):
    """The pictures of the next seconds of a stream, of HEIGHT x WIDTH x RGB."""
    command = ['ffmpeg', '-v', 'error', '-i', stream, '-t', str(seconds), '-vf', f'scale={WIDTH}:{HEIGHT}:flags=area',
               '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-']
    with subprocess.Popen(command, stdout=subprocess.PIPE) as ffmpeg:
        while len(data := ffmpeg.stdout.read(WIDTH * HEIGHT * 3)) == WIDTH * HEIGHT * 3:
            yield np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, 3)


def detect(stream, seconds):
    """The frames at which events begin, and the first and the last frame that were seen."""
    found, seen, was = [], [], None
    for picture in pictures(stream, seconds):
        frame = read_frame_code(picture[:, :, 1])
        if frame is None:  # what cannot be read has no number
            continue
        red, green, blue = picture[HEIGHT // 9:].reshape(-1, 3).T
        cyan = ((red < 100) & (green > 180) & (blue > 180)).sum() > 20
        if cyan and was is False:  # what shows from the first picture on began before it
            found.append(frame)
        was = bool(cyan)
        seen.append(frame)
    return found, seen[0], seen[-1]


if __name__ == '__main__':
    print(json.dumps([{'frame': frame} for frame in detect(sys.argv[1], float(sys.argv[2]))[0]]))

"""Reads the number of a frame out of its picture, and that of a second out of its sound: docs/frame-code.md."""
from binascii import crc_hqx  # CRC-16 with the polynomial 0x1021

import numpy as np


def _middle(i, size, parts):
    """The middle half of part i of size/parts, at least one pixel."""
    first = (4 * i + 1) * size // (4 * parts)
    return slice(first, max(first + 1, (4 * i + 3) * size // (4 * parts)))


def _number(bits, digits):
    """The number that 0s and 1s hold before its checksum, or None where that is wrong."""
    word = int(''.join(map(str, bits)), 2)
    number, crc = word >> 16, word & 0xFFFF
    return number if crc_hqx(number.to_bytes(6, 'big'), 0xFFFF) == crc and number < 2 ** digits else None


def read_frame_code(luma):
    """The frame number in a picture, an array of height x width levels of grey of 0 to 255; None where there is none."""
    height, width = luma.shape
    if width < 64 or height < 36:
        return None
    cells = np.array([[luma[_middle(r, height, 18), _middle(c, width, 32)].mean() for c in range(32)] for r in range(2)])
    white, black = (cells[0, 0] + cells[1, 1]) / 2, (cells[0, 1] + cells[1, 0]) / 2
    bits = (cells > (white + black) / 2).astype(int)
    if white - black < 64 or bits[:, :2].tolist() != [[1, 0], [0, 1]]:
        return None
    return _number(bits[:, 2:].ravel(), 44)


def read_sample_codes(left):
    """[(index, second)] of the codes in the left channel, samples of 16 bits at 48 kHz; the index is right to some samples."""
    time, strength = np.arange(len(left)), []
    for period in (32, 16):  # 1.5 kHz is a 0, 3 kHz a 1
        sums = np.concatenate([[0], np.cumsum(left * np.exp(-2j * np.pi * time / period))])
        strength.append(abs(sums[240:] - sums[:-240]))  # of the bit that begins at each sample
    ones = (strength[1] > strength[0]).astype(int)
    found = {}
    for at in range(0, len(ones) - 59 * 240, 8):
        bits = ones[at:at + 60 * 240:240]
        second = _number(bits[10:], 34) if bits[:10].tolist() == [1, 0, 1, 1, 1, 0, 0, 0, 1, 0] else None
        if second is not None and strength[1][at] > 240 * 200:
            found.setdefault(second, []).append(at)
    return [(sum(places) // len(places), second) for second, places in found.items()]

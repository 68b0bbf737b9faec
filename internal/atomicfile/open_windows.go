package atomicfile

// noFollow is none: Windows has no such flag, and lets only administrators make symbolic links.
const noFollow = 0

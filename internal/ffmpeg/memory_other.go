//go:build !linux

package ffmpeg

func limitMemory(int, uint64) {}

package splice

import "golang.org/x/sys/windows"

const numberToRead = 0x4004667f // FIONREAD of winsock2.h: how many bytes can be read without waiting

// peek is pending of a socket. Windows can't distinguish an end from nothing without waiting: a sender that has ended is noticed
// when its turn comes.
func peek(fd uintptr) pends {
	var n [4]byte
	var size uint32
	err := windows.WSAIoctl(windows.Handle(fd), numberToRead, nil, 0, &n[0], uint32(len(n)), &size, nil, 0)
	switch {
	case err != nil:
		return endPends
	case n == [4]byte{}:
		return nothingPends
	}
	return bytesPend
}

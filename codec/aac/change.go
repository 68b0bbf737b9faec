package aac

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// StepsPer6dB is how many steps of [Louder] double the amplitude.
const StepsPer6dB = 4

// Parts of a raw_data_block (ISO/IEC 14496-3, 4.4.2.1).
const (
	channelPair   = 1 // id_syn_ele of a channel_pair_element
	eightShort    = 2 // a window_sequence
	maxGlobalGain = 255
)

// Silence is a unit of two channels without any sound: a channel_pair_element of two channels without scale factor bands, and the end.
func Silence() []byte { return []byte{channelPair << 5, 0, 0, 0, 0, 0, 0b1110} }

// Louder is a unit of two channels whose first one, the left, is louder by steps of 1.5 dB, as far as its global_gain allows. What is coded of
// both channels together (M/S, intensity) is louder in both. The unit is not changed.
func Louder(unit []byte, steps int) ([]byte, error) {
	r := bitReader{b: unit}
	if r.u(3) != channelPair {
		return nil, errors.New("change a unit of AAC: it does not begin with a pair of channels")
	}
	r.u(4)           // element_instance_tag
	if r.u(1) == 1 { // common_window, with ics_info and ms_used in front of the first channel (table 4.4)
		r.u(1)
		groups := uint32(1)
		var bands uint32
		sequence := r.u(2)
		r.u(1) // window_shape
		if sequence == eightShort {
			bands = r.u(4)
			for range 7 { // scale_factor_grouping
				groups += 1 - r.u(1)
			}
		} else if bands = r.u(6); r.u(1) == 1 {
			return nil, errors.New("change a unit of AAC: it has prediction, which AAC-LC has not")
		}
		if r.u(2) == 1 { // ms_mask_present
			for range groups * bands {
				r.u(1)
			}
		}
	}
	at := r.at
	gain := int(r.u(8))
	if r.over {
		return nil, fmt.Errorf("change a unit of AAC: %w", io.ErrUnexpectedEOF)
	}
	louder := min(gain+steps, maxGlobalGain)
	out := bytes.Clone(unit)
	for i := range 8 {
		mask := byte(0x80) >> ((at + i) % 8)
		if out[(at+i)/8] &^= mask; louder>>(7-i)&1 == 1 {
			out[(at+i)/8] |= mask
		}
	}
	return out, nil
}

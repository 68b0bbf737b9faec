package main

import (
	"slices"
	"time"
)

// median of a list that is not empty; the list is sorted in place.
func median(v []float64) float64 {
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// percentile p (0 to 100) of a list that is not empty, by the nearest rank: the smallest value that at least p percent
// of the values don't exceed. The list is sorted in place.
func percentile(v []float64, p int) float64 {
	slices.Sort(v)
	return v[max((len(v)*p+99)/100-1, 0)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

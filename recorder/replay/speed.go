package replay

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// maxSpeedTerm bounds both terms of a speed: a thousand times as fast or slow is beyond what a player follows.
	maxSpeedTerm = 1000
	// maxSpeedDigits is how many decimals of a speed make a denominator within that.
	maxSpeedDigits = 3
)

// Speed is how much time of the recording passes in a time: Num/Den, both from 1 to 1000.
type Speed struct {
	Num, Den int64
}

// ParseSpeed reads "2", "0.5" or "3/4".
func ParseSpeed(text string) (Speed, error) {
	num, den, fraction := strings.Cut(text, "/")
	s := Speed{Den: 1}
	var err error
	if !fraction {
		whole, decimals, _ := strings.Cut(text, ".")
		if decimals = strings.TrimRight(decimals, "0"); len(decimals) > maxSpeedDigits {
			return Speed{}, fmt.Errorf("parse speed: %q has more than %d decimals", text, maxSpeedDigits)
		}
		for range decimals {
			s.Den *= 10
		}
		num, den = whole+decimals, strconv.FormatInt(s.Den, 10)
	}
	if s.Num, err = strconv.ParseInt(num, 10, 64); err == nil {
		s.Den, err = strconv.ParseInt(den, 10, 64)
	}
	if err != nil {
		return Speed{}, fmt.Errorf("parse speed: %q is no number such as 2, 0.5 or 3/4", text)
	}
	for d := s.Den; d > 1; d-- { // the least terms: 1.500 is within the bounds as well
		if s.Num%d == 0 && s.Den%d == 0 {
			s.Num, s.Den = s.Num/d, s.Den/d
		}
	}
	return s, s.check()
}

// String is as ParseSpeed reads it.
func (s Speed) String() string {
	if s.Den == 1 {
		return strconv.FormatInt(s.Num, 10)
	}
	return fmt.Sprintf("%d/%d", s.Num, s.Den)
}

func (s Speed) check() error {
	if min(s.Num, s.Den) < 1 || max(s.Num, s.Den) > maxSpeedTerm {
		return fmt.Errorf("the speed %s is out of range: give one from 1/%d to %d", s, maxSpeedTerm, maxSpeedTerm)
	}
	return nil
}

// recorded is the time of the recording that passes in d.
func (s Speed) recorded(d time.Duration) time.Duration { return scale(d, s.Num, s.Den) }

// real is how long d of the recording takes.
func (s Speed) real(d time.Duration) time.Duration { return scale(d, s.Den, s.Num) }

// scale is d*num/den, rounded toward zero, or the largest duration.
func scale(d time.Duration, num, den int64) time.Duration {
	whole := int64(d) / den
	if whole > math.MaxInt64/num-num || whole < -(math.MaxInt64/num-num) {
		return math.MaxInt64
	}
	return time.Duration(whole*num + int64(d)%den*num/den)
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	// Name states what is measured, Unit in what.
	Name string  `json:"name"`
	Unit string  `json:"unit"`
	Ours float64 `json:"ours"`
	// Reference is the figure that ours is compared with, and Against what it is of. Nil where there is nothing to
	// compare with.
	Reference *float64 `json:"reference"`
	Against   string   `json:"against,omitempty"`
	// Ratio is ours to the reference. It need not be Ours/Reference: where several rounds were measured it is the median
	// of the rounds' own ratios.
	Ratio *float64 `json:"ratio"`
	// Target bounds Ours or Ratio.
	Target *target `json:"target"`
	// OK reports whether the target is met; nil without one.
	OK *bool `json:"ok"`
	// Note is what a reader must know to judge the figure.
	Note string `json:"note,omitempty"`
}

// target is a bound on a row's figure, or on its ratio.
type target struct {
	OfRatio bool    `json:"of_ratio"`
	AtLeast bool    `json:"at_least"`
	Value   float64 `json:"value"`
}

func atMost(v float64) *target       { return &target{Value: v} }
func ratioAtMost(v float64) *target  { return &target{OfRatio: true, Value: v} }
func ratioAtLeast(v float64) *target { return &target{OfRatio: true, AtLeast: true, Value: v} }

// against fills the reference and the ratio.
func (r row) against(what string, reference, ratio float64) row {
	r.Against, r.Reference, r.Ratio = what, &reference, &ratio
	return r
}

// meant judges the row by a target.
func (r row) meant(t *target) row {
	v := r.Ours
	if t.OfRatio {
		if r.Ratio == nil {
			return r
		}
		v = *r.Ratio
	}
	ok := v <= t.Value
	if t.AtLeast {
		ok = v >= t.Value
	}
	r.Target, r.OK = t, &ok
	return r
}

func (t *target) String() string {
	if t == nil {
		return "-"
	}
	sign := "<="
	if t.AtLeast {
		sign = ">="
	}
	s := sign + " " + figure(t.Value)
	if t.OfRatio {
		s = "ratio " + s
	}
	return s
}

// figure writes a number with three digits that count, and never with an exponent.
func figure(v float64) string {
	switch a := max(v, -v); {
	case a == 0:
		return "0"
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

func optional(v *float64) string {
	if v == nil {
		return "-"
	}
	return figure(*v)
}

// printTable writes the rows aligned, and then the notes.
func printTable(w io.Writer, machine string, rows []row) error {
	var notes []string
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "measured\tunit\tours\treference\tratio\ttarget\tresult")
	for _, r := range rows {
		name := r.Name
		if r.Note != "" {
			notes = append(notes, r.Note)
			name += fmt.Sprintf(" [%d]", len(notes))
		}
		reference := "-"
		if r.Reference != nil {
			reference = figure(*r.Reference) + " (" + r.Against + ")"
		}
		result := "-"
		if r.OK != nil {
			result = "short"
			if *r.OK {
				result = "ok"
			}
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, r.Unit, figure(r.Ours), reference, optional(r.Ratio), r.Target, result)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	for i, n := range notes {
		fmt.Fprintf(w, "[%d] %s\n", i+1, n)
	}
	_, err := fmt.Fprintln(w, machine)
	return err
}

func printJSON(w io.Writer, machine string, rows []row) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Machine string `json:"machine"`
		Rows    []row  `json:"rows"`
	}{machine, rows})
}

// machine is one line about what the figures were measured on.
func (l *lab) machine(ctx context.Context) string {
	cpu := "unknown processor"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			cpu = strings.TrimSpace(v)
			break
		}
	}
	version := "ffmpeg of unknown version"
	if out, err := exec.CommandContext(ctx, l.ffmpeg, "-version").Output(); err == nil {
		if words := strings.Fields(string(out)); len(words) > 2 {
			version = "ffmpeg " + words[2]
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%d processors of %s, %s, %s, load at the end %s", runtime.NumCPU(), cpu, version, runtime.Version(), one)
}

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

// inTurn runs measurements one after the other, for some rounds, and returns the median of each, and that of the ratios of the
// first one to each.
func inTurn(rounds int, measure ...func() (float64, error)) (medians, ratios []float64, err error) {
	values, toFirst := make([][]float64, len(measure)), make([][]float64, len(measure))
	for range rounds {
		for i, m := range measure {
			v, err := m()
			if err != nil {
				return nil, nil, err
			}
			values[i] = append(values[i], v)
			toFirst[i] = append(toFirst[i], values[0][len(values[0])-1]/v)
		}
	}
	for i := range measure {
		medians, ratios = append(medians, median(values[i])), append(ratios, median(toFirst[i]))
	}
	return medians, ratios, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

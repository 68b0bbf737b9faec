package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// measurement fills one or more rows of the table. Its name is what -only selects.
type measurement struct {
	name string
	run  func(*lab, context.Context) ([]row, error)
}

// measurements lists all, in the order of the table.
func measurements() []measurement {
	return []measurement{
		{"render", (*lab).render},
		{"generate", (*lab).generate},
		{"annotate", (*lab).annotate},
		{"live", (*lab).live},
		{"latency", (*lab).latency},
		{"serve", (*lab).serve},
		{"carriers", (*lab).carriers},
		{"analyze", (*lab).analyze},
		{"recording", (*lab).recording},
		{"memory", (*lab).memoryUse},
	}
}

func measurementNames() string {
	var names []string
	for _, m := range measurements() {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}

// measure runs the measurements whose names match, one after the other. A failure doesn't stop those that follow.
func (l *lab) measure(ctx context.Context, wanted *regexp.Regexp) ([]row, error) {
	var rows []row
	var failed error
	for _, m := range measurements() {
		if !wanted.MatchString(m.name) || ctx.Err() != nil {
			continue
		}
		l.logf("%s ...", m.name)
		r, err := m.run(l, ctx)
		rows = append(rows, r...)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("measure %s: %w", m.name, err))
		}
	}
	return rows, failed
}

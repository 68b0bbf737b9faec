package main

import (
	"testing"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// faultPlan are the faults of a twin of which none is done yet.
type faultPlan struct {
	*scenario.Plan
	source markers.Channel
}

func (p faultPlan) Clock() markers.Clock { return p.source.Clock() }
func (p faultPlan) Newest() int64        { return 1802 }

func (p faultPlan) Faults(first, last int64) (list []markers.FaultRecord) {
	for _, f := range p.Between(first, last) {
		list = append(list, faults.Planned(f, p.source.Name, p.Clock()))
	}
	return list
}

// goldenFaults finds the faults of a twin main-outage.
func goldenFaults(t *testing.T, c markers.Channel) func(string) api.FaultLog {
	t.Helper()
	text := "version: 1\nname: outage\nfaults: [{do: ts.lose, at: {frame: 1850}, for: {frames: 3}}, {decoy: ts.null, every: 10s}]"
	f, err := scenario.Parse("outage.yaml", []byte(text), catalogue.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := f.Plan(c)
	if err != nil {
		t.Fatal(err)
	}
	return func(twin string) api.FaultLog {
		if twin != f.Twin(c.Name) {
			return nil
		}
		return faultPlan{plan, c}
	}
}

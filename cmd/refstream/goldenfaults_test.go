package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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

func (p faultPlan) Faults(_ context.Context, first, last int64) (list []markers.FaultRecord, _ error) {
	for _, f := range p.Between(first, last) {
		list = append(list, faults.Planned(f, p.source.Name, p.Clock()))
	}
	return list, nil
}

func (p faultPlan) Post(_ context.Context, members map[string]json.RawMessage) (r markers.FaultRecord, err error) {
	request, err := scenario.ParseRequest(members, catalogue.Kinds())
	var bad *scenario.MemberError
	if errors.As(err, &bad) {
		return r, &api.Problem{Status: http.StatusBadRequest, Field: bad.Member, Detail: bad.Text}
	} else if err != nil {
		return r, err
	}
	f, err := p.Place(request, 1830)
	return faults.Planned(f, p.source.Name, p.Clock()), err
}

func (p faultPlan) End(context.Context, string) (markers.FaultRecord, error) {
	return faults.Planned(p.Between(1850, 1850)[0].Until(1851), p.source.Name, p.Clock()), nil
}

// goldenFaults finds the faults of a twin main-outage.
func goldenFaults(t *testing.T, c markers.Channel) func(context.Context, string) (api.FaultLog, error) {
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
	return func(_ context.Context, twin string) (api.FaultLog, error) {
		if twin != f.Twin(c.Name) {
			return nil, nil
		}
		return faultPlan{plan, c}, nil
	}
}

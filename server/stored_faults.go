package server

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/markers"
)

// faultsOf reads the newest record of each fault of a twin that is planned for one of the frames first to last, in the order of these.
func faultsOf(ctx context.Context, store markers.Store, source markers.Channel, twin string, first, last int64) ([]markers.FaultRecord, error) {
	read := func(from int64) ([]markers.FaultRecord, error) {
		list, err := store.Read(ctx, source.Name, markers.Faults.Of(twin), markers.Range{From: markers.AtFrame(from)})
		newest := faults.Newest(markers.Faults.Batch(list).Faults, source.Clock())
		return slices.DeleteFunc(newest, func(r markers.FaultRecord) bool { return !r.Covers(first, last) }), err
	}
	records, err := read(max(0, first-source.Rate.Frames(farthest.Nanoseconds()))) // when one of them may have been posted at the earliest
	if err == nil && slices.ContainsFunc(records, func(r markers.FaultRecord) bool { return r.Adds }) {
		records, err = read(0)
	}
	for i := range records {
		records[i].Place, records[i].Adds = markers.ID{}, false
	}
	return merge(nil, records), err
}

// merge puts records of faults in order, of those of the same one the last of the newer ones.
func merge(old, newer []markers.FaultRecord) (list []markers.FaultRecord) {
	at := map[string]int{}
	for _, r := range slices.Concat(old, newer) {
		i, ok := at[r.Fault()]
		if !ok {
			i = len(list)
			at[r.Fault()], list = i, append(list, r)
		}
		list[i] = r
	}
	slices.SortFunc(list, func(a, b markers.FaultRecord) int {
		return cmp.Or(cmp.Compare(a.Frame, b.Frame), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// faultsOf finds the log of a twin's faults, nil where there is no such twin. A process without the twin has what the store keeps.
func (s *Server) faultsOf(ctx context.Context, name string) (api.FaultLog, error) {
	if _, t := s.channels.find(name); t != nil {
		return t, nil
	}
	return StoredFaults(ctx, s.stores.main(), name)
}

// StoredFaults finds the log of a twin's faults that a store keeps, nil where it has no such twin.
func StoredFaults(ctx context.Context, store markers.Store, name string) (api.FaultLog, error) {
	channels, err := store.Channels(ctx)
	for _, c := range channels {
		scenario, ok := strings.CutPrefix(name, c.Name+"-")
		if !ok || markers.CheckRendition(scenario) != nil || scenario == "" {
			continue
		}
		log := &storedFaults{store: store, source: c, scenario: scenario, newest: -1}
		last, err := log.store.Read(ctx, c.Name, markers.Segments.Of(scenario), markers.Range{Limit: 1, Desc: true})
		for _, seg := range markers.Segments.Batch(last).Segments {
			log.newest = seg.LastFrame
		}
		if err != nil || log.newest >= 0 {
			return log, err
		}
	}
	return nil, err
}

// storedFaults is the log of a twin's faults as the store keeps it.
type storedFaults struct {
	store    markers.Store
	source   markers.Channel
	scenario string
	newest   int64
}

func (l *storedFaults) Clock() markers.Clock { return l.source.Clock() }

func (l *storedFaults) Newest() int64 { return l.newest }

func (l *storedFaults) Faults(ctx context.Context, first, last int64) ([]markers.FaultRecord, error) {
	return faultsOf(ctx, l.store, l.source, l.scenario, first, last)
}

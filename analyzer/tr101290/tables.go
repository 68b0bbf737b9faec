package tr101290

import (
	"fmt"
	"slices"

	"github.com/refstream/refstream/format/ts"
)

// PIDs that no program map names (ISO/IEC 13818-1, table 2-3; ETSI EN 300 468, table 1; ATSC A/65, 4.2).
const (
	patPID      = 0
	catPID      = 1
	firstFree   = 0x20 // those below are of the standards
	psipPID     = 0x1FFB
	tableIDPAT  = 0
	tableIDPMT  = 2
	sectionHead = 12 // header and CRC
)

// table takes the payload of a packet that may hold a part of a PAT or PMT.
func (m *Monitor) table(pid int, payload []byte, start, gap bool, offset int64) {
	sections := &m.pat
	if pid != patPID {
		sections = m.pmts[pid]
	}
	if sections == nil {
		return
	}
	if gap {
		sections.Reset()
	}
	sections.Push(payload, start, func(section []byte, right bool) {
		wanted, name := byte(tableIDPMT), PMTError
		if pid == patPID {
			wanted, name = tableIDPAT, PATError
		}
		switch {
		case section[0] != wanted:
			if pid == patPID {
				m.report(name, pid, offset, 0, fmt.Sprintf("table_id %d in place of %d", section[0], wanted))
			}
			return // other tables may be on the PID of a PMT
		case len(section) < sectionHead || !right:
			m.report(CRCError, pid, offset, 0, "CRC_32 of the section is wrong")
			return
		}
		m.came(name)
		if pid == patPID {
			m.programs(section)
		} else {
			m.program(pid, section)
		}
	})
}

func (m *Monitor) programs(section []byte) {
	list, _ := ts.ParsePAT(section)
	for _, pid := range list {
		if m.pmts[int(pid)] == nil {
			m.pmts[int(pid)] = &ts.Sections{}
		}
		m.refer(int(pid))
	}
}

func (m *Monitor) program(pid int, section []byte) {
	p, ok := ts.ParsePMT(section)
	if !ok {
		return
	}
	m.mapped[pid], m.pcrPID = true, int(p.PCR)
	m.refer(int(p.PCR))
	for _, pid := range p.Access {
		m.refer(int(pid))
	}
	for _, s := range p.Streams {
		m.refer(int(s.PID))
		if m.streams[int(s.PID)] == nil && s.Continuous() {
			m.streams[int(s.PID)] = &watched{since: m.now}
		}
	}
}

// refer notes that a table names a PID: what it named once stays known, for tables change before or after the streams do.
func (m *Monitor) refer(pid int) {
	m.named[pid] = true
	delete(m.pids, pid)
}

// watched is a PID or a stream: when a packet of it came, and whether it was reported since.
type watched struct {
	since    int64
	reported bool
}

func (m *Monitor) present(pid int) {
	if w := m.streams[pid]; w != nil {
		w.since, w.reported = m.now, false
	}
	if m.pids[pid] == nil && !m.named[pid] {
		m.pids[pid] = &watched{since: m.now}
	}
}

// overdue are the PIDs of those of which nothing was reported for so long.
func (m *Monitor) overdue(list map[int]*watched, limit int64) (out []int) {
	for pid, w := range list {
		if !w.reported && m.now-w.since > limit {
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out
}

// unreferenced reports a PID that no table names half a second after its first packet (3.4), once all program maps are there. A
// CAT is not read: where there is one, nothing is known.
func (m *Monitor) unreferenced(offset int64) {
	if len(m.mapped) == 0 || len(m.mapped) < len(m.pmts) || m.pids[catPID] != nil {
		return
	}
	for _, pid := range m.overdue(m.pids, absent) {
		m.pids[pid].reported = true
		if pid >= firstFree && pid != psipPID {
			m.report(UnreferencedPID, pid, offset, 0, "no table names this PID")
		}
	}
}

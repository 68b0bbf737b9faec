package analyzer

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// What is wrong with packets is a record with the name and number of TR 101 290.
func TestTransportRecords(t *testing.T) {
	name := encode(t, "a.ts", "2")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const at = 40 * packetSize
	whole[at+1] |= 0x80
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err = Run(t.Context(), name, Options{Now: time.Now}, func(r Record) error {
		if r.Source != Transport {
			return nil
		}
		var v struct {
			Indicator, Number, Detail string
			PID                       *int
		}
		if err := json.Unmarshal(r.Extra, &v); err != nil || v.PID == nil || v.Detail == "" || r.Offset < 0 {
			t.Errorf("%+v, %v", r, err)
		}
		if v.Indicator == TransportError && r.Offset != at {
			t.Errorf("at byte %d", r.Offset)
		}
		found[v.Indicator] = v.Number
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// That packet is not counted: the next one shows it.
	if found[TransportError] != "2.1" || found[ContinuityError] != "1.4" {
		t.Errorf("%v", found)
	}
}

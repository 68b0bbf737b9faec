package formats

import "testing"

func TestNegotiate(t *testing.T) {
	tests := []struct{ accept, want string }{
		{"", "json"}, {"*/*", "json"}, {"application/json", "json"}, {"text/csv", "csv"}, {"text/vtt", "vtt"},
		{"application/x-ndjson", "ndjson"}, {"text/*", "csv"}, {"application/*", "json"},
		{"text/csv;q=0.5, text/vtt", "vtt"}, {"text/csv;q=0.5, application/json;q=0.4", "csv"},
		{"*/*;q=0.1, text/vtt;q=0.2", "vtt"}, {"application/json;q=0, */*", "ndjson"},
		{"application/json;q=0, application/x-ndjson;q=0, text/*;q=0.3, text/csv;q=0.1", "vtt"},
		{"text/html, application/xhtml+xml, */*;q=0.8", "json"}, {"TEXT/CSV", "csv"},
		{"text/csv; charset=utf-8", "csv"}, {"text/csv;q=2, text/vtt", "vtt"}, {"garbage", "json"},
		{"text/html", ""}, {"*/*;q=0", ""}, {"application/json;q=0", ""}, {"image/*", ""},
	}
	for _, tt := range tests {
		var header []string
		if tt.accept != "" {
			header = []string{tt.accept}
		}
		f, ok := Negotiate(header)
		if f.Name != tt.want || ok != (tt.want != "") {
			t.Errorf("Accept %q: %q, %v; want %q", tt.accept, f.Name, ok, tt.want)
		}
	}
}

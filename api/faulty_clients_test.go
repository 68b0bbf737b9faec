package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/faults/requests"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// viewer is a client that loads the playlist and the segment each time, again where it fails, and notes what it makes of the answers.
type viewer struct {
	name, base string
	http       *http.Client
	met        []string // "fault file number" of each request that a fault has met, by the plan
	files      map[string]int64
	taken      map[string]int64
}

// seen is an answer.
type seen struct {
	status int
	header http.Header
	body   []byte
	length int64
	took   time.Duration
	err    error
}

func (v *viewer) get(target string) (s seen) {
	began := time.Now()
	res, err := v.http.Get(target)
	if err == nil {
		s.status, s.header, s.length = res.StatusCode, res.Header, res.ContentLength
		s.body, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	s.took, s.err = time.Since(began), err
	return s
}

// due lists the faults that are to meet the next request, by the plan alone.
func (v *viewer) due(plan *scenario.Plan, file string, on scenario.Resource, frame, hop int64) (list []scenario.Fault) {
	v.files[file]++
	for _, f := range plan.At(frame, scenario.LayerRequest) {
		chained := hop > 0 && slices.Contains([]string{"http.redirect", "http.redirect_loop", "http.moved"}, f.Kind.Name)
		if !f.On.Has(on) || !chained && (f.Requests > 0 && v.taken[f.ID] >= f.Requests || !requests.Meets(f, requests.Draw(f, v.name, file, v.files[file]))) {
			continue
		}
		if !chained {
			v.taken[f.ID]++
		}
		v.met = append(v.met, fmt.Sprintf("%s %s %d", f.ID, file, v.files[file]))
		list = append(list, f)
	}
	return list
}

// is reports whether an answer is what a fault makes of a file of so many bytes.
func (s seen) is(f scenario.Fault, clean []byte, hop int64) bool {
	whole := s.err == nil && s.status == 200 && bytes.Equal(s.body, clean)
	half := s.err != nil && bytes.Equal(s.body, clean[:len(clean)/2])
	switch f.Kind.Name {
	case "http.status":
		return s.err == nil && int64(s.status) == f.Params["status"].N
	case "http.delay", "http.stall":
		return whole && s.took == time.Duration(f.Params["time"].N)
	case "http.throttle":
		return whole && s.took == time.Duration(int64(len(clean))*8*1e9/f.Params["rate"].N)
	case "http.cut", "http.reset":
		if f.Params["after"].Text == "nothing" {
			return s.err != nil && s.status == 0
		}
		return half
	case "http.length":
		return errors.Is(s.err, io.ErrUnexpectedEOF) && bytes.Equal(s.body, clean) && s.length == int64(len(clean))+f.Params["by"].N
	case "http.corrupt":
		return s.err == nil && len(s.body) == len(clean) && !bytes.Equal(s.body, clean)
	case "http.mime":
		return whole && s.header.Get("Content-Type") == "text/html"
	case "http.cors":
		return whole && s.header.Get("Access-Control-Allow-Origin") == ""
	case "http.caching":
		return whole && strings.Contains(s.header.Get("Cache-Control"), "max-age=10")
	case "http.redirect", "http.moved", "http.redirect_loop":
		if most := map[string]int64{"http.redirect": f.Params["hops"].N, "http.moved": 1}[f.Kind.Name]; most > 0 && hop == most {
			return whole
		}
		return s.status == 302 && s.header.Get("Location") != ""
	case "http.chunked":
		return whole && s.length == -1
	}
	return false
}

// Fifty clients of the faulty twin, each with a name of its own: every request has the fate that the plan has for that client, and the
// log has the same. The clients of the clean channel meanwhile get all, at once.
func TestManyClients(t *testing.T) {
	const clients, clean, segments = 50, 5, 150
	synctest.Test(t, func(t *testing.T) {
		f := newTwinFixture(t)
		pipes := testnet.NewPipes()
		server := &http.Server{Handler: f.server.Handler(), ReadTimeout: readTimeout, WriteTimeout: writeTimeout}
		// On a connection that was used before, net/http makes a request that is not answered again, by itself.
		transport := &http.Transport{DialContext: pipes.Dial, DisableKeepAlives: true}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(pipes) })
		var viewers []*viewer
		for n := range clients + clean {
			v := &viewer{name: fmt.Sprint("c", n), base: "http://test/hls/" + twinName + "/", files: map[string]int64{}, taken: map[string]int64{}}
			if n >= clients {
				v.base = "http://test/hls/main/"
			}
			v.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			viewers = append(viewers, v)
		}
		kinds := sync.Map{}
		for msn := range int64(segments) {
			if msn%10 != 0 && len(f.plan.At(f.Clock().FirstFrame(msn), scenario.LayerRequest)) == 0 {
				continue
			}
			f.publishTo(msn + 9)
			f.newest.Store(msn)
			segment := fmt.Sprintf("seg-%010d.ts", msn)
			var all sync.WaitGroup
			for n, v := range viewers {
				all.Go(func() {
					for file, on := range map[string]scenario.Resource{"index.m3u8": scenario.Playlist, segment: scenario.Segment} {
						want, err := os.ReadFile(filepath.Join(f.dir, "main", "hls", file))
						if err != nil {
							t.Error(err)
						}
						next := file + "?client=" + v.name
						if n < clients && on == scenario.Playlist {
							want = bytes.ReplaceAll(bytes.ReplaceAll(want, []byte(".ts\n"), []byte(".ts?client="+v.name+"\n")), []byte(`.mp4"`), []byte(".mp4?client="+v.name+`"`))
						}
						for hop, try := int64(0), 0; try < 6; try++ {
							var due []scenario.Fault
							if n < clients {
								due = v.due(f.plan, file, on, f.Clock().FirstFrame(msn), hop)
							}
							got := v.get(v.base + next)
							for _, fault := range due {
								kinds.Store(fault.Kind.Name, true)
								if !got.is(fault, want, hop) {
									t.Errorf("%s of %s, with %s: %d, %d bytes in %v, error %v", file, v.name, fault.ID, got.status, len(got.body), got.took, got.err)
								}
							}
							ok := got.err == nil && got.status == 200
							if len(due) == 0 && (!ok || !bytes.Equal(got.body, want) || got.took != 0 || got.header.Get("Access-Control-Allow-Origin") != "*") {
								t.Errorf("%s of %s, without a fault: %d, %d bytes in %v, error %v", file, v.name, got.status, len(got.body), got.took, got.err)
							}
							if ok {
								break
							}
							if to := got.header.Get("Location"); to != "" {
								next = to
								hop = min(hop+1, 100)
								if strings.Contains(to, "hop=1") {
									hop = 1
								}
							}
						}
					}
				})
			}
			all.Wait()
		}
		for _, v := range viewers[:clients] {
			var list faultList
			f.ok(fmt.Sprintf("/faults?channel=%s&client=%s&from=0&to=%d", twinName, v.name, f.Newest()), &list)
			var logged []string
			for _, r := range list.Faults {
				for _, q := range r.Requests {
					logged = append(logged, fmt.Sprintf("%s %s %d", r.ID, q.File, q.Number))
				}
				if (r.State == markers.FaultDone) != (len(r.Requests) > 0) {
					t.Errorf("%s of %s is %s, with %d requests", r.ID, v.name, r.State, len(r.Requests))
				}
			}
			slices.Sort(logged)
			if slices.Sort(v.met); !slices.Equal(logged, v.met) {
				t.Errorf("the log of %s has %q, want %q", v.name, logged, v.met)
			}
		}
		for _, k := range requests.Kinds() {
			if _, ok := kinds.Load(k.Name); !ok {
				t.Errorf("%s has met nobody", k.Name)
			}
		}
		transport.CloseIdleConnections()
		server.Close()
		serving.Wait()
	})
}

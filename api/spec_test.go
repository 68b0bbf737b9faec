package api

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// spec is the OpenAPI document.
type spec struct{ doc *openapi3.T }

// parseSpec reads and validates the document once for all tests.
var parseSpec = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

func loadSpec(t testing.TB) *spec {
	t.Helper()
	doc, err := parseSpec()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return &spec{doc}
}

// match finds the path of the document that path is an instance of, and its parameters.
func (s *spec) match(path string) (template string, params map[string]string) {
	if s.doc.Paths.Value(path) != nil {
		return path, nil
	}
	parts := strings.Split(path, "/")
	for _, candidate := range s.doc.Paths.InMatchingOrder() {
		want := strings.Split(candidate, "/")
		if len(want) != len(parts) {
			continue
		}
		params, matched := map[string]string{}, true
		for i, w := range want {
			name, suffix, isParam := strings.Cut(w, "}")
			value, hasSuffix := strings.CutSuffix(parts[i], suffix)
			// {n} is not meant to be 5.png.
			if isParam && hasSuffix && !(suffix == "" && strings.HasSuffix(value, ".png")) {
				params[strings.TrimPrefix(name, "{")] = value
			} else if w != parts[i] {
				matched = false
			}
		}
		if matched {
			return candidate, params
		}
	}
	return "", nil
}

// check fails the test where an answer is not one that the document allows for the request. Requests that are answered
// with success must themselves be allowed.
func (s *spec) check(t testing.TB, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	template, params := s.match(r.URL.Path)
	item := s.doc.Paths.Value(template)
	if item == nil || item.GetOperation(r.Method) == nil {
		if w.Code < 400 && r.Method != http.MethodOptions && r.URL.Path != "/app.js" {
			t.Errorf("%s %s: %d, but the document does not know it", r.Method, r.URL, w.Code)
		}
		return
	}
	operation := item.GetOperation(r.Method)
	query, _ := url.ParseQuery(r.URL.RawQuery)
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, QueryParams: query,
		Route:   &routers.Route{Spec: s.doc, Path: template, PathItem: item, Method: r.Method, Operation: operation},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, ExcludeRequestBody: true},
	}
	if w.Code < 300 {
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
			t.Errorf("%s %s was answered %d, but the document refuses it: %v", r.Method, r.URL, w.Code, err)
		}
	}
	if r.Method == http.MethodHead {
		return
	}
	media, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	response := operation.Responses.Status(w.Code)
	if response == nil {
		if response = operation.Responses.Default(); response == nil {
			t.Errorf("%s %s: status %d is not in the document", r.Method, r.URL, w.Code)
			return
		}
	}
	isJSON := media == "application/json" || media == "application/problem+json"
	if len(response.Value.Content) > 0 && response.Value.Content[media] == nil {
		t.Errorf("%s %s: %d with %q, which is not in the document", r.Method, r.URL, w.Code, media)
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: w.Code, Header: w.Header(),
		Body:    io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{ExcludeResponseBody: !isJSON, IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		t.Errorf("%s %s: %d is not as in the document: %v", r.Method, r.URL, w.Code, err)
	}
}

func TestDocumentHasEveryRouteAndNoOther(t *testing.T) {
	f := newFixture(t)
	var routes, documented []string
	for _, r := range f.server.echo.Routes() {
		path := r.Path
		for _, name := range []string{"n", "id", "channel", "file", "expression"} {
			path = strings.ReplaceAll(path, ":"+name, "{"+name+"}")
		}
		if path == "/audio/{n}" { // echo has no suffix behind a parameter
			path += ".wav"
		}
		routes = append(routes, r.Method+" "+path)
		if path == "/frames/{n}" { // the handler of both
			routes = append(routes, r.Method+" "+path+".png")
		}
	}
	for path, item := range f.spec.doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	slices.Sort(routes)
	slices.Sort(documented)
	if !slices.Equal(routes, documented) {
		t.Errorf("routes:\n%s\ndocumented:\n%s", strings.Join(routes, "\n"), strings.Join(documented, "\n"))
	}
}

func TestDocumentIsServed(t *testing.T) {
	f := newFixture(t)
	w := f.get("/openapi.yaml")
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), openAPI) {
		t.Fatalf("%d, %d bytes", w.Code, w.Body.Len())
	}
	if w = f.get("/openapi.yaml", "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("with its ETag: %d", w.Code)
	}
	// The JSON is the same document.
	w = f.get("/openapi.json")
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if w.Code != 200 || err != nil || doc.Validate(context.Background()) != nil {
		t.Fatalf("as JSON: %d, %v", w.Code, err)
	}
	if got, want := doc.Paths.Len(), loadSpec(t).doc.Paths.Len(); got != want || got == 0 {
		t.Errorf("as JSON it has %d paths, want %d", got, want)
	}
	if w = f.get("/openapi.json", "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("JSON with its ETag: %d", w.Code)
	}
}

// Package junit writes reports as the XML that CI systems read of JUnit: the schema of Apache Ant's junitreport.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"

	"github.com/refstream/refstream/internal/redact"
)

// Suite is a report.
type Suite struct {
	Name  string
	Time  time.Time
	Cases []Case
}

// Case is one thing that was tested. Failure and Error are nil where it was right.
type Case struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *Failure `xml:"failure"`
	// Error is why it could not be tested.
	Error *Failure `xml:"error"`
	Out   string   `xml:"system-out,omitempty"`
}

// Failure is what was wrong.
type Failure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
}

// Write writes the report. What its texts hold that can't be seen is escaped, since XML can't hold all of it.
func (s Suite) Write(w io.Writer) error {
	suite := struct {
		XMLName  xml.Name `xml:"testsuite"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Time     string   `xml:"timestamp,attr"`
		Cases    []Case   `xml:"testcase"`
	}{Name: redact.Unseen(s.Name), Tests: len(s.Cases), Time: s.Time.Format("2006-01-02T15:04:05")}
	for _, c := range s.Cases {
		c.Class, c.Name, c.Out = redact.Unseen(c.Class), redact.Unseen(c.Name), redact.Unseen(c.Out)
		c.Failure, c.Error = c.Failure.seen(), c.Error.seen()
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Error != nil {
			suite.Errors++
		}
		suite.Cases = append(suite.Cases, c)
	}
	out, err := xml.MarshalIndent(suite, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, out)
	}
	return err
}

func (f *Failure) seen() *Failure {
	if f == nil {
		return nil
	}
	return &Failure{redact.Unseen(f.Message), redact.Unseen(f.Type)}
}

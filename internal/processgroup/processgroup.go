// Package processgroup runs a child so that it can be ended with all that it has started, and so that Ctrl+C in a terminal does
// not reach it: its parent decides when it ends. On Unix that is a process group; on Windows a console process group for the
// interrupt and a job object for the end, see the documentation of CreateProcess and AssignProcessToJobObject.
package processgroup

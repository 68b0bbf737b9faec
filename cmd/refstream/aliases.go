package main

import "github.com/spf13/pflag"

// otherName gives a flag that is named as earlier programs of this kind name it its own name. Such a name is no flag of its own, so
// that it has no environment variable: Kubernetes sets REFSTREAM_PORT where a service is called refstream.
func otherName(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "output":
		name = "out"
	case "port":
		name = "http-port"
	case "time":
		name = "threshold"
	}
	return pflag.NormalizedName(name)
}

package config

import (
	"reflect"
	"time"

	"github.com/spf13/pflag"
)

const fileFlag = "config"

// given is the value of a flag, as it was typed: Load parses it, so that all
// mistakes are told at once and in the same words.
type given struct{ text, kind string }

func (g *given) String() string        { return g.text }
func (g *given) Set(text string) error { g.text = text; return nil }
func (g *given) Type() string          { return g.kind }

// Flags registers --config and a flag for every setting that is no secret.
func Flags(fs *pflag.FlagSet) {
	fs.String(fileFlag, "", "YAML file with settings ("+FileEnv+")")
	for _, s := range Settings() {
		if s.Secret {
			continue
		}
		f := fs.VarPF(&given{s.Default, s.kind()}, s.Flag, "", s.Doc+" ("+s.Env+")")
		if s.typ.Kind() == reflect.Bool {
			f.NoOptDefVal = "true"
		}
	}
}

// FromFlags is the input of a command: the flags that were given, to this set or
// to one that it shares them with, and the environment.
func FromFlags(fs *pflag.FlagSet, environ []string) Input {
	in := Input{Environ: environ, Flags: map[string]string{}}
	settings := Settings()
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Changed {
			return
		}
		if f.Name == fileFlag {
			in.File = f.Value.String()
		}
		for _, s := range settings {
			if s.Flag != "" && s.Flag == f.Name {
				in.Flags[f.Name] = f.Value.String()
			}
		}
	})
	return in
}

// kind is the sort of value, in a word for the help.
func (s Setting) kind() string {
	switch {
	case s.typ == reflect.TypeFor[time.Duration]():
		return "seconds"
	case s.typ.Kind() == reflect.Slice:
		return "list"
	case s.typ.Kind() == reflect.Bool:
		return "bool"
	case s.bounded:
		return "number"
	}
	return "text"
}

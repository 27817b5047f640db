package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
)

// Input is where the settings come from.
type Input struct {
	Defaults map[string]string // by key: what a command wants other than the built-in default
	File     string            // YAML file; "": the one of GATEWAY_CONFIG_FILE, or none
	Environ  []string          // "NAME=value", such as os.Environ()
	Flags    map[string]string // by flag, without "--": those that were given
	Dev      bool              // http issuers on loopback, no issuer, no key-encryption keys needed
}

// Mistakes is the error of Load: every mistake, each a sentence that names the
// setting where it was set. No sentence has a secret in it.
type Mistakes []string

// Error is one mistake a line.
func (m Mistakes) Error() string { return strings.Join(m, "\n") }

// loader is one run of Load.
type loader struct {
	in       *Input
	settings []Setting
	values   *koanf.Koanf
	origins  map[string]Origin
	mistakes Mistakes
}

// Load reads, parses and checks the configuration: defaults, then the file, then
// the environment, then flags. An empty environment variable counts as not set.
// Its error is of type Mistakes, and the Config is nil then.
func Load(in Input) (*Config, error) {
	l := &loader{in: &in, settings: Settings(), values: koanf.New("."), origins: map[string]Origin{}}
	l.defaults()
	l.file()
	l.environment()
	l.flags()
	l.profile()
	l.secretFiles()

	c := &Config{origins: map[string]Origin{}}
	broken := map[string]bool{}
	for _, s := range l.settings {
		c.origins[s.Key] = l.origins[s.Key]
		text, err := asText(l.values.Get(s.Key))
		if err == nil && (text != "" || !slices.Contains([]string{"", "none"}, s.Default)) {
			err = s.set(c, text)
		}
		if err != nil {
			broken[s.Key] = true
			l.mistake(s, "%v", err)
		}
	}
	if c.Storage.PostgresDSN != "" && c.origins["repo.driver"].Source == SourceDefault {
		c.Storage.Driver = "postgres" // who names a server wants it
	}
	l.check(c, broken)
	if len(l.mistakes) > 0 {
		return nil, l.mistakes
	}
	return c, nil
}

// layer lays values over those before.
func (l *loader) layer(values map[string]any) {
	if err := l.values.Load(confmap.Provider(values, "."), nil); err != nil {
		l.mistakes = append(l.mistakes, "the configuration can't be put together: "+err.Error())
	}
}

func (l *loader) defaults() {
	values := map[string]any{}
	for _, s := range l.settings {
		values[s.Key] = s.Default
		l.origins[s.Key] = Origin{Source: SourceDefault}
		if v, ok := l.in.Defaults[s.Key]; ok {
			values[s.Key] = v
			l.origins[s.Key] = Origin{Source: SourceDefault, Dev: l.in.Dev}
		}
		if path, ok := l.in.Defaults[s.fileKey()]; ok && s.Secret {
			values[s.fileKey()] = path
			l.origins[s.fileKey()] = Origin{Source: SourceDefault, Dev: l.in.Dev}
		}
	}
	l.layer(values)
}

func (l *loader) environment() {
	known := map[string]string{} // name → key
	for _, s := range l.settings {
		known[s.Env] = s.Key
		if s.Secret {
			known[s.fileEnv()] = s.fileKey()
		}
	}
	names := slices.Sorted(maps.Keys(known))
	unknown := map[string]bool{}
	provider := env.Provider(".", env.Opt{
		Prefix:      prefix,
		EnvironFunc: func() []string { return l.in.Environ },
		TransformFunc: func(name, value string) (string, any) {
			key, ok := known[name]
			switch {
			case name == FileEnv:
				return "", nil
			case !ok:
				unknown[name] = true
				return "", nil
			case value == "":
				return "", nil
			}
			l.origins[key] = Origin{Source: SourceEnvironment}
			return key, value
		},
	})
	if err := l.values.Load(provider, nil); err != nil {
		l.mistakes = append(l.mistakes, "the environment can't be read: "+err.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		l.mistakes = append(l.mistakes, unknownEnv(name, append(names, FileEnv)))
	}
}

func (l *loader) flags() {
	known := map[string]string{}
	for _, s := range l.settings {
		if s.Flag != "" {
			known[s.Flag] = s.Key
		}
	}
	values := map[string]any{}
	for _, flag := range slices.Sorted(maps.Keys(l.in.Flags)) {
		key, ok := known[flag]
		if !ok {
			l.mistakes = append(l.mistakes, "--"+flag+": there is no such flag"+didYouMean(flag, slices.Sorted(maps.Keys(known))))
			continue
		}
		values[key] = l.in.Flags[flag]
		l.origins[key] = Origin{Source: SourceFlag}
	}
	l.layer(values)
}

// secretFiles reads the files that hold secrets.
func (l *loader) secretFiles() {
	for _, s := range l.settings {
		path := l.values.String(s.fileKey())
		if !s.Secret || path == "" {
			continue
		}
		if l.values.String(s.Key) != "" {
			l.mistakes = append(l.mistakes, fmt.Sprintf("%s: it is set, and so is %s: keep one of them", s.Env, s.fileEnv()))
			continue
		}
		origin := l.origins[s.fileKey()]
		origin.FromFile = path
		l.origins[s.Key] = origin
		b, err := os.ReadFile(path)
		switch {
		case err != nil:
			l.mistakes = append(l.mistakes, fmt.Sprintf("%s: the file %s can't be read: %s", s.fileEnv(), quote(path), reason(err)))
		case strings.TrimSpace(string(b)) == "":
			l.mistakes = append(l.mistakes, fmt.Sprintf("%s: the file %s is empty", s.fileEnv(), quote(path)))
		default:
			l.layer(map[string]any{s.Key: strings.TrimSpace(string(b))})
		}
	}
}

// reason is what went wrong with a file, without its name.
func reason(err error) string {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// mistake reports a sentence on a setting, named as it was set.
func (l *loader) mistake(s Setting, format string, args ...any) {
	l.mistakes = append(l.mistakes, l.name(s)+": "+fmt.Sprintf(format, args...))
}

// name is the setting in the words of the layer that set it.
func (l *loader) name(s Setting) string {
	switch o := l.origins[s.Key]; {
	case o.FromFile != "":
		return s.fileEnv() + " (" + o.FromFile + ")"
	case o.Source == SourceFile:
		return l.at(s.Key, o.Line)
	case o.Source == SourceFlag:
		return "--" + s.Flag
	}
	return s.Env
}

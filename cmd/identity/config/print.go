package config

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// PrintOptions say how much Print tells.
type PrintOptions struct {
	Bare    bool // no comments
	Changed bool // only what is not the default
}

// Print writes the configuration as a YAML file that Load takes. A secret is a
// comment with [hidden] for its value. Above each setting stands what it means,
// how it is called in the environment, its default, and where its value came from.
func Print(w io.Writer, effective *Config, o PrintOptions) error {
	var b strings.Builder
	var open []string // groups that the last line stands in
	group := ""
	for _, s := range Settings() {
		if o.Changed && effective.origins[s.Key] == (Origin{Source: SourceDefault}) {
			continue
		}
		if !o.Bare && s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n# ---- %s ----\n", group)
		}
		path := strings.Split(s.Key, ".")
		parents, name := path[:len(path)-1], path[len(path)-1]
		for i, p := range parents {
			if i >= len(open) || open[i] != p {
				fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), p)
				open = open[:min(i, len(open))]
				open = append(open, p)
			}
		}
		open = open[:len(parents)]
		indent := strings.Repeat("  ", len(parents))
		if !o.Bare {
			fmt.Fprintf(&b, "%s# %s\n%s# %s · default %s · from %s\n", indent, s.Doc, indent, s.Env, orNone(s.Default), effective.origins[s.Key])
		}
		fmt.Fprintf(&b, "%s%s\n", indent, s.line(effective, name))
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

// line is the setting itself.
func (s Setting) line(c *Config, name string) string {
	switch text := s.text(c); {
	case s.Secret:
		return strings.TrimRight("# "+name+": "+hidden(text, `"[hidden]"`), " ")
	case text == "" && c.origins[s.Key].Source == SourceDefault:
		return "# " + name + ":"
	}
	value, err := json.Marshal(s.value(c)) // JSON is YAML
	if err != nil {
		return "# " + name + ": " + redacted
	}
	return name + ": " + string(value)
}

// String is the source, with its place.
func (o Origin) String() string {
	text := string(o.Source)
	if o.Dev {
		text += " of identity dev"
	}
	if o.Line > 0 {
		text += fmt.Sprintf(", line %d", o.Line)
	}
	if o.FromFile != "" {
		text += ", in " + o.FromFile
	}
	return text
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// Reference is docs/configuration.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Made by ` + "`identity config --reference`" + `; a test compares it.

Settings come from defaults, a YAML file (` + "`--config` or `" + FileEnv + "`" + `), the environment and flags, each over the one before. The flag
is the name in the file with ` + "`-`" + ` for ` + "`.` and `_`" + `: ` + "`sqlite.path`, `--sqlite-path`" + `. An empty environment variable counts as not set.
A name that is not in these tables is an error, and so is a value out of its bounds: all mistakes are told at once.

A **secret** has no flag, for the arguments of a process can be read by others. It may stand in a file of its own, named by the variable
with ` + "`_FILE`" + ` at its end; to set both is an error. ` + "`identity config`" + ` prints what is in effect, secrets hidden.

**A project overrides** what is its own (` + "`identity project update`" + `, ProjectService): who may make an account (access mode, allowlist), the
login policy, registration of clients, CORS origins, audience, life times of codes, requests, tokens and sessions, the grace of refresh tokens,
PKCE, passwords and their length, sign-up, the lock after wrong passwords, the name first; factors, remembered devices, step-up, passkeys, TOTP
issuer, sign-in by another device, ways by mail and SMS, password reset, proven addresses, terms ([the list](sign-in.md#per-project-client-and-process)).
The settings here are what it has otherwise, the default project too. Everything else is that of the process: servers and providers of mail and
SMS, keys, the database, rate limits, front channel, templates.

Make a key-encryption key with:

` + "```" + `
export GATEWAY_KEY_ENCRYPTION_KEYS=` + makeKey + `
` + "```" + `
`)
	group := ""
	for _, s := range Settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n## %s\n\n| environment | file | form | default | meaning |\n|---|---|---|---|---|\n", group)
		}
		def := "none"
		if s.Default != "" {
			def = "`" + strings.ReplaceAll(s.Default, ",", "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", s.Env, s.Key, s.form(), def, s.Doc)
	}
	return b.String()
}

// form is what a value looks like, for the reference.
func (s Setting) form() string {
	switch {
	case s.Secret:
		return "secret"
	case s.kind() == "seconds":
		return fmt.Sprintf("%d to %d seconds", s.min, s.max)
	case s.bounded:
		return fmt.Sprintf("%d to %d", s.min, s.max)
	case s.kind() == "bool":
		return "`true`, `false`"
	case len(s.oneof) > 0:
		return "`" + strings.Join(s.oneof, "`, `") + "`"
	}
	return s.kind()
}

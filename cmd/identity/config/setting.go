package config

import (
	"reflect"
	"strconv"
	"strings"
)

const prefix = "GATEWAY_"

// FileEnv names the YAML file when no flag --config does.
const FileEnv = prefix + "CONFIG_FILE"

// Source is the layer that a value came from.
type Source string

// The sources, each over the one before.
const (
	SourceDefault     Source = "default"
	SourceFile        Source = "file"
	SourceEnvironment Source = "environment"
	SourceFlag        Source = "flag"
)

// Origin says where a value came from.
type Origin struct {
	Source   Source
	Dev      bool   // a default of identity dev, not the built-in one
	Line     int    // in the YAML file; 0: not known
	FromFile string // file that held a secret, "" when it was given itself
}

// Setting is what the tags of a field say.
type Setting struct {
	Group   string // name of the struct that holds it
	Key     string // in YAML: "sqlite.path"
	Env     string // "GATEWAY_SQLITE_PATH"
	Flag    string // "sqlite-path"; "" for a secret
	Default string // in the form of the environment
	Doc     string
	Secret  bool

	min, max int64
	bounded  bool
	oneof    []string
	typ      reflect.Type
	index    []int
}

// Settings lists all settings in the order of Config.
func Settings() []Setting {
	var all []Setting
	root := reflect.TypeFor[Config]()
	for i := range root.NumField() {
		group := root.Field(i)
		if !group.IsExported() {
			continue
		}
		for j := range group.Type.NumField() {
			f := group.Type.Field(j)
			s := Setting{
				Group: group.Name, Key: f.Tag.Get("key"), Env: f.Tag.Get("env"), Default: f.Tag.Get("default"),
				Doc: f.Tag.Get("doc"), Secret: f.Tag.Get("secret") == "true",
				oneof: strings.Fields(f.Tag.Get("oneof")), typ: f.Type, index: []int{i, j},
			}
			if !s.Secret {
				s.Flag = strings.ReplaceAll(strings.ReplaceAll(s.Key, ".", "-"), "_", "-")
			}
			if low, ok := f.Tag.Lookup("min"); ok {
				s.bounded = true
				s.min, _ = strconv.ParseInt(low, 10, 64)
				s.max, _ = strconv.ParseInt(f.Tag.Get("max"), 10, 64)
			}
			all = append(all, s)
		}
	}
	return all
}

// fileKey and fileEnv are the names of the file that holds a secret.
func (s Setting) fileKey() string { return s.Key + "_file" }
func (s Setting) fileEnv() string { return s.Env + "_FILE" }

func (s Setting) of(c *Config) reflect.Value { return reflect.ValueOf(c).Elem().FieldByIndex(s.index) }

// Origin says where the value of a key came from.
func (c *Config) Origin(key string) Origin { return c.origins[key] }

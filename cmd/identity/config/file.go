package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	yamlv3 "go.yaml.in/yaml/v3"
)

// yamlLine finds the line in an error of the YAML parser, and the one sentence
// of it that is safe to show: others quote the text, which may be a secret.
var yamlLine = regexp.MustCompile(`line (\d+)(: mapping key "[\w.-]+" already defined at line \d+)?`)

func (l *loader) file() {
	name := "--config"
	for _, e := range l.in.Environ {
		if path, ok := strings.CutPrefix(e, FileEnv+"="); ok && l.in.File == "" && path != "" {
			name, l.in.File = FileEnv, path
		}
	}
	if l.in.File == "" {
		return
	}
	b, err := file.Provider(l.in.File).ReadBytes()
	if err != nil {
		l.mistakes = append(l.mistakes, fmt.Sprintf("%s: the file %s can't be read: %s", name, quote(l.in.File), reason(err)))
		return
	}
	tree, err := yaml.Parser().Unmarshal(b)
	if err != nil {
		where := "it is no list of settings"
		if m := yamlLine.FindString(err.Error()); m != "" {
			where = "see " + m
		}
		l.mistakes = append(l.mistakes, fmt.Sprintf("%s: the file %s is not YAML as it should be: %s", name, quote(l.in.File), where))
		return
	}
	flat := koanf.New(".")
	if err := flat.Load(confmap.Provider(tree, ""), nil); err != nil {
		l.mistakes = append(l.mistakes, fmt.Sprintf("%s: the file %s can't be taken over", name, quote(l.in.File)))
		return
	}
	l.fileValues(flat.All(), lines(b))
}

func (l *loader) fileValues(found map[string]any, lines map[string]int) {
	known := map[string]bool{}
	for _, s := range l.settings {
		known[s.Key] = true
		if s.Secret {
			known[s.fileKey()] = true
		}
	}
	names := slices.Sorted(maps.Keys(known))
	values := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		value := found[key]
		if isEmpty(value) && (known[key] || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, key+".") })) {
			continue // a name without a value, or a group without settings, says nothing
		}
		if !known[key] {
			l.mistakes = append(l.mistakes, l.at(key, lines[key])+": "+unknownKey(key, names))
			continue
		}
		values[key] = value
		l.origins[key] = Origin{Source: SourceFile, Line: lines[key]}
	}
	l.layer(values)
}

func isEmpty(value any) bool {
	m, group := value.(map[string]any)
	return value == nil || group && len(m) == 0
}

// at names a key and its place in the file.
func (l *loader) at(key string, line int) string {
	if line == 0 {
		return fmt.Sprintf("%s (%s)", key, l.in.File)
	}
	return fmt.Sprintf("%s (%s:%d)", key, l.in.File, line)
}

// lines finds the line of every key.
func lines(b []byte) map[string]int {
	out := map[string]int{}
	var doc yamlv3.Node
	if yamlv3.Unmarshal(b, &doc) != nil || len(doc.Content) == 0 {
		return out
	}
	var walk func(n *yamlv3.Node, path string)
	walk = func(n *yamlv3.Node, path string) {
		if n.Kind != yamlv3.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := path + n.Content[i].Value
			out[key] = n.Content[i].Line
			walk(n.Content[i+1], key+".")
		}
	}
	walk(doc.Content[0], "")
	return out
}

// asText puts a value of any layer into the form of the environment.
func asText(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int, int64, uint64:
		return fmt.Sprint(v), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			s, ok := x.(string)
			if !ok || strings.Contains(s, ",") {
				return "", errors.New("the list may hold texts alone, without commas")
			}
			parts[i] = s
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("a text, a number, true, false or a list is wanted here")
}

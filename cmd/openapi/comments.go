package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	block = regexp.MustCompile(`^\s*(message|enum|service|rpc|oneof) (\w+)`)
	field = regexp.MustCompile(`^\s*(?:repeated |optional )?[\w.<>, ]+ (\w+) = \d+`)
)

// readComments finds what stands above each declaration, by its name within the
// package: "User", "User.email", "UserService.CreateUser". Descriptors in a binary
// have no comments, and buf format keeps the files in the one form that is read here.
func readComments(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.proto"))
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f) //nolint:gosec // the folder is the caller's
		if err != nil {
			return nil, err
		}
		var above []string
		outer := ""
		for line := range strings.SplitSeq(string(b), "\n") {
			text := strings.TrimSpace(line)
			if c, ok := strings.CutPrefix(text, "//"); ok {
				above = append(above, strings.TrimSpace(c))
				continue
			}
			name := ""
			if m := block.FindStringSubmatch(line); m != nil {
				switch m[1] {
				case "rpc":
					name = outer + "." + m[2]
				case "oneof":
				default:
					outer, name = m[2], m[2]
				}
			} else if m := field.FindStringSubmatch(line); m != nil && outer != "" {
				name = outer + "." + m[1]
			}
			if name != "" && len(above) > 0 {
				all[name] = strings.Join(above, " ")
			}
			above = nil
		}
	}
	return all, nil
}

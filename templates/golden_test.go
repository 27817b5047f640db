package templates

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The pages as they were last looked at. UPDATE_GOLDEN=1 writes them anew: look
// at the difference before it is kept.
func TestGolden(t *testing.T) {
	r := newRenderer(t, Config{})
	hash := regexp.MustCompile(`\.[0-9a-f]{16}\.`)
	for _, s := range Samples() {
		t.Run(s.Name, func(t *testing.T) {
			got := hash.ReplaceAllString(rendered(t, r, s.Page, "en").Body.String(), ".HASH.")
			file := filepath.Join("testdata", "golden", s.Name+".html")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				write(t, ".", file, got)
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s differs (- kept, + now):\n%s", file, diff)
			}
		})
	}
}

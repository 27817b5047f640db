package identity

import (
	"os"
	"os/exec"
	"testing"
)

// TestPlatforms: on each platform of the image every package has files, without C.
// To compile for another one takes minutes; that a package has none for it (a
// driver made for each from C, say) shows at once.
func TestPlatforms(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run("linux/"+arch, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/identity")
			cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("go list: %v\n%s", err, out)
			}
		})
	}
}

package storage_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

// TestRedaction logs every row that carries a secret through both handlers
// (S5-06): neither may print it, in any encoding that they know.
func TestRedaction(t *testing.T) {
	const secret = "a-secret-that-must-not-appear"
	digest := storage.DigestOf(secret)
	rows := []any{
		storage.AccessToken{ID: "an-id", TokenHash: digest},
		storage.AuthorizationCode{ID: "an-id", CodeHash: digest},
		storage.AuthorizationRequest{ID: "an-id", BrowserHash: digest},
		storage.Client{ID: "an-id", Secrets: []storage.ClientSecret{{Digest: digest, Sealed: []byte(secret)}}},
		storage.ClientSecret{Digest: digest, Sealed: []byte(secret)},
		storage.PasswordCredential{UserID: "an-id", Hash: secret},
		storage.RefreshToken{ID: "an-id", TokenHash: digest},
		storage.InitialAccessToken{ID: "an-id", TokenHash: digest},
		storage.Session{ID: "an-id", SecretHash: digest},
		storage.SigningKey{ID: "an-id", Sealed: []byte(secret)},
		storage.KeyEncryptionKey{ID: "an-id", Key: []byte(secret)},
		storage.TOTPCredential{UserID: "an-id", Sealed: []byte(secret)},
		storage.RecoveryCode{ID: "an-id", CodeHash: digest},
		storage.QRLogin{ID: "an-id", CodeHash: digest},
		storage.PasswordHash(secret),
		digest,
	}
	hidden := []string{
		secret,
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString(digest[:]),
		strings.Trim(fmt.Sprint(digest[:]), "[]"),
		strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
	}
	for _, row := range rows {
		t.Run(strings.TrimPrefix(fmt.Sprintf("%T", row), "storage."), func(t *testing.T) {
			var out bytes.Buffer
			slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "row", row)
			slog.New(slog.NewTextHandler(&out, nil)).Info("text", "row", row)
			for _, h := range hidden {
				if strings.Contains(out.String(), h) {
					t.Errorf("the log shows %q:\n%s", h, out.String())
				}
			}
			if !strings.Contains(out.String(), "an-id") && !strings.Contains(out.String(), "[redacted]") {
				t.Errorf("the log says nothing of the row:\n%s", out.String())
			}
		})
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/postgres"
)

// finding is what doctor says of one thing.
type finding struct {
	Name  string `json:"check"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"` // what to do about it
}

func newDoctorCommand(t *terminal) *cobra.Command {
	s, asJSON, offline := newSettings(t), false, false
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check configuration, database, keys, clock and issuer, and say what to do",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := s.examine(cmd, offline)
			bad := 0
			for _, f := range findings {
				if !f.OK {
					bad++
				}
			}
			if err := printFindings(t, findings, asJSON); err != nil {
				return err
			}
			if bad > 0 {
				return fmt.Errorf("%d of %d checks failed", bad, len(findings))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&offline, "offline", false, "do not call the issuer")
	s.flags(cmd)
	return cmd
}

func printFindings(t *terminal, findings []finding, asJSON bool) error {
	if asJSON {
		return t.printJSON(findings)
	}
	for _, f := range findings {
		mark := "ok  "
		if !f.OK {
			mark = "FAIL"
		}
		if _, err := fmt.Fprintf(t.stdout, "%s  %-14s %s\n", mark, f.Name, strings.ReplaceAll(f.Found, "\n", "\n                     ")); err != nil {
			return err
		}
		if f.Do != "" {
			if _, err := fmt.Fprintf(t.stdout, "      %-14s -> %s\n", "", f.Do); err != nil {
				return err
			}
		}
	}
	return nil
}

// examine looks at everything that can be looked at; what one failure hides is
// left out.
func (s *settings) examine(cmd *cobra.Command, offline bool) []finding {
	c, err := s.configured(cmd)
	if err != nil {
		return []finding{{"configuration", false, err.Error(), "mend these settings; identity config --reference explains each"}}
	}
	development := s.developmentData(cmd) != nil
	findings := append([]finding{{"configuration", true, "issuer " + c.Server.Issuer, ""}}, examineProxies(c)...)
	if development {
		findings[0].Found += ", of identity dev in " + devFolder + ": no setting says otherwise"
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 15*time.Second)
	defer cancel()
	d, err := openDatabase(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return append(findings, finding{"database", false, err.Error(), openAdvice(c)})
	}
	findings = append(append(findings, d.examineDatabase(ctx, c, development)), d.examineIsolation(ctx)...)
	findings = append(findings, d.examineKeys(ctx))
	if err := d.close(); err != nil {
		findings = append(findings, finding{"database", false, err.Error(), "the file may be on a disk that fails"})
	}
	if !offline {
		findings = append(findings, examineIssuer(ctx, c.Server.Issuer)...)
	}
	return findings
}

// examineProxies warns of a default that lets whoever reaches the port from a
// private address invent the address of a caller (S1-17).
func examineProxies(c *config.Config) []finding {
	host, _, err := net.SplitHostPort(listenAddress(c))
	local := err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
	if local || len(c.Server.TrustedProxies) == 0 || c.Origin("trusted_proxies").Source != config.SourceDefault {
		return nil
	}
	return []finding{{
		"proxies", true, "X-Forwarded-For is believed from every private address that reaches " + listenAddress(c),
		"name your proxy alone in GATEWAY_TRUSTED_PROXIES, or write none if there is no proxy",
	}}
}

func (d *database) examineDatabase(ctx context.Context, c *config.Config, development bool) finding {
	if err := d.check(ctx); err != nil {
		return finding{"database", false, err.Error(), "free disk space, or mend the permissions of the database"}
	}
	if err := refuseDevelopmentData(ctx, d); err != nil && !development {
		return finding{"database", false, err.Error(), "set GATEWAY_SQLITE_PATH to a file that does not exist yet"}
	}
	return finding{"database", true, c.Storage.Driver + " can be read and written", ""}
}

func openAdvice(c *config.Config) string {
	if c.Storage.Driver == "postgres" {
		return "see GATEWAY_POSTGRES_DSN, that the server runs and takes connections from here, and identity migrate status"
	}
	return "see that the path exists, can be written by this user, and is on a local disk"
}

// examineIsolation says what keeps projects apart less well than it could.
func (d *database) examineIsolation(ctx context.Context) (findings []finding) {
	r, ok := d.repo.(*postgres.Repository)
	if !ok {
		return nil
	}
	weak, err := r.Weaknesses(ctx)
	if err != nil {
		return []finding{{"isolation", false, err.Error(), "the database could not be read"}}
	}
	for _, sentence := range weak {
		findings = append(findings, finding{"isolation", true, sentence, "see docs/operations.md, Postgres"})
	}
	return findings
}

func (d *database) examineKeys(ctx context.Context) finding {
	keys, err := d.keys.List(ctx, d.project)
	switch {
	case errors.Is(err, storage.ErrSealed):
		return finding{"keys", false, err.Error(), "add the missing key to GATEWAY_KEY_ENCRYPTION_KEYS"}
	case err != nil:
		return finding{"keys", false, err.Error(), "the database could not be read"}
	case len(keys) == 0:
		return finding{"keys", true, "none yet: the first identity serve makes them", ""}
	}
	if err := d.keys.Ready(ctx, d.project); err != nil {
		return finding{"keys", false, err.Error(), "see GATEWAY_KEY_ENCRYPTION_KEYS and the clock; identity key list shows the keys"}
	}
	return finding{"keys", true, fmt.Sprintf("%d published, sealed by %s", len(keys), d.ring.IDs()[0]), ""}
}

// maxClockSkew is how far our clock may be from the issuer's without trouble:
// clients allow about as much.
const maxClockSkew = 30 * time.Second

// examineIssuer asks the issuer for its metadata, as every client does.
func examineIssuer(ctx context.Context, issuer string) []finding {
	url := issuer + "/.well-known/openid-configuration"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return []finding{{"issuer", false, err.Error(), "mend GATEWAY_ISSUER"}}
	}
	res, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return []finding{{"issuer", false, err.Error(), "is the server running, and do DNS, TLS and the proxy lead to it?"}}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var doc struct {
		Issuer string `json:"issuer"`
	}
	switch {
	case err != nil:
		return []finding{{"issuer", false, err.Error(), "the connection broke: see the proxy"}}
	case res.StatusCode != http.StatusOK || json.Unmarshal(body, &doc) != nil:
		return []finding{{"issuer", false, url + " answered " + res.Status, "does the proxy lead to identity?"}}
	case doc.Issuer != issuer:
		return []finding{{"issuer", false, fmt.Sprintf("%s says it is %q", url, doc.Issuer), "clients compare the issuer byte by byte: set GATEWAY_ISSUER alike everywhere"}}
	}
	findings := []finding{{"issuer", true, url + " answers", ""}}
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		skew := time.Since(date).Round(time.Second)
		if skew.Abs() > maxClockSkew {
			return append(findings, finding{"clock", false, fmt.Sprintf("%s away from the issuer's", skew), "let both machines keep their time by NTP"})
		}
		findings = append(findings, finding{"clock", true, fmt.Sprintf("%s, within %s of the issuer's", time.Now().UTC().Format(time.RFC3339), maxClockSkew), ""})
	}
	return findings
}

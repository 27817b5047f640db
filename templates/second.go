package templates

import (
	"html/template"
	"log/slog"
	"net/url"
)

// TOTPView asks for a code of the authenticator app.
type TOTPView struct {
	Account      string `json:"account,omitempty"`
	InsteadURL   string `json:"instead_url,omitempty"`   // a recovery code, "" without one
	HelpURL      string `json:"help_url,omitempty"`      // the administrators, "" where nobody can be asked
	RememberDays int    `json:"remember_days,omitempty"` // 0: this device is asked each time
	// The form sends code and remember=1, or decision=restart for another account.
}

// TOTPEnrolment is an authenticator app that is being set up.
type TOTPEnrolment struct {
	Secret string `json:"secret"` // base32 in groups of four, to type
	URI    string `json:"uri"`    // otpauth://, for an app on the same device
	QRPath string `json:"qr_path"`
	QRSize int    `json:"qr_size"` // modules of a side, with the margin
}

// AppLink is the link for an app on the same device: html/template knows no
// otpauth, and nothing else passes here.
func (d *document) AppLink(uri string) template.URL {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" {
		return ""
	}
	return template.URL(u.String())
}

// LogValue hides the seed.
func (TOTPEnrolment) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// TOTPEnrolView sets up an authenticator app.
type TOTPEnrolView struct {
	Account string `json:"account,omitempty"`
	TOTPEnrolment
}

// LogValue hides the seed.
func (TOTPEnrolView) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// RecoveryCodeView asks for a recovery code.
type RecoveryCodeView struct {
	Account string `json:"account,omitempty"`
	BackURL string `json:"back_url,omitempty"` // to the second factor itself
	HelpURL string `json:"help_url,omitempty"` // the administrators, "" where nobody can be asked
}

// RecoveryCodesView shows new recovery codes, this once.
type RecoveryCodesView struct {
	Codes []string `json:"codes"`
	// The form sends saved=1.
}

// LogValue hides the codes.
func (RecoveryCodesView) LogValue() slog.Value { return slog.StringValue("[redacted]") }

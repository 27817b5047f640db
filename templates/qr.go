package templates

import (
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// QRView signs in with another device, where the person is signed in.
type QRView struct {
	State    string `json:"state"` // start, waiting, allowed or denied
	Code     string `json:"code,omitempty"`
	URL      string `json:"url,omitempty"` // what the picture says
	QRPath   string `json:"qr_path,omitempty"`
	QRSize   int    `json:"qr_size,omitempty"`
	Number   string `json:"number,omitempty"`  // two digits, to be found again on the other device
	Page     string `json:"page,omitempty"`    // where the code can be typed, without a scheme
	Seconds  int    `json:"seconds,omitempty"` // after which the code is another one
	OtherURL string `json:"other_url,omitempty"`
	// The form sends decision=start, new, continue or stop.
}

// QRCodeView asks for the code that another device shows.
type QRCodeView struct{}

// QRApproveView asks who is signed in whether to let another browser in.
type QRApproveView struct {
	Ticket  string   `json:"ticket"`
	Account string   `json:"account"`
	App     string   `json:"app,omitempty"` // name of the application, "" for the account's own pages
	Browser string   `json:"browser,omitempty"`
	IP      string   `json:"ip"`
	Minutes int      `json:"minutes"` // since the other device asked
	Numbers []string `json:"numbers"` // one of them stands on the other device
	// The form sends ticket, and number=… or decision=deny or decision=switch.
}

// QRDoneView says how it ended.
type QRDoneView struct {
	Denied   bool `json:"denied,omitempty"`
	Mismatch bool `json:"mismatch,omitempty"` // another number was picked
}

// quiet is the margin that ISO/IEC 18004 asks for, in modules.
const quiet = 4

// QRCode draws a text as one path of an SVG, one unit for each module.
func QRCode(text string) (path string, size int, err error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", 0, fmt.Errorf("templates: QR code: %w", err)
	}
	var b strings.Builder
	bounds := code.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			start := x
			for x < bounds.Max.X && dark(code.At(x, y).RGBA()) {
				x++
			}
			if x > start {
				_, _ = fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", start+quiet, y+quiet, x-start, x-start) // never fails
			}
		}
	}
	return b.String(), bounds.Dx() + 2*quiet, nil
}

func dark(r, _, _, _ uint32) bool { return r == 0 }

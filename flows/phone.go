package flows

import (
	"strings"

	"github.com/elloloop/identity/storage"
)

// Phone returns a telephone number as E.164 writes it. It has to begin with + or
// 00 and the code of a country: what a number without it means depends on where
// its owner is.
func Phone(typed string) (number string, ok bool) {
	if len(typed) > 40 {
		return "", false
	}
	digits := strings.NewReplacer(" ", "", "\u00a0", "", "-", "", ".", "", "(", "", ")", "", "/", "").Replace(strings.TrimSpace(typed))
	if rest, zeros := strings.CutPrefix(digits, "00"); zeros {
		digits = "+" + rest
	}
	rest, plus := strings.CutPrefix(digits, "+")
	if !plus || len(rest) < 7 || len(rest) > 15 || rest[0] == '0' || strings.Trim(rest, "0123456789") != "" {
		return "", false
	}
	return digits, true
}

// rangeDigits is how much of a number names the range that it is one of: a country
// and the first digits of an area or a network.
const rangeDigits = 6

// ShortMessage is what Limits.Send counts for a short message: who pays for them
// is defrauded by many numbers of one range (S3-08).
func ShortMessage(p *storage.Project, number string) Message {
	m := &p.Messages
	return Message{
		Kind: "sms", To: number, Limit: m.RateLimitPhone, Cooldown: m.PhoneCooldown,
		Range: number[:min(len(number), 1+rangeDigits)], RangeMax: m.PhonePrefixRate,
	}
}

package templates

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// colour is an sRGB colour, each part 0 to 255.
type colour struct{ r, g, b float64 }

// The surfaces that text in the accent colour stands on; the style sheet's
// --page and --card are the same (a test holds that).
const (
	defaultAccent = "#2f54d1"
	lightPage     = "#f4f5f8"
	lightCard     = "#ffffff"
	darkPage      = "#101216"
	darkCard      = "#1a1d24"
	darkInk       = "#0b0d12" // text on the accent, dark scheme
)

// minContrast is WCAG 2.2 §1.4.3 for text, with a little to spare for rounding.
const minContrast = 4.55

// askedContrast is what a project's own colours must have.
const askedContrast = 4.5

// accent is the brand's colour, once for each scheme.
type accent struct{ light, dark colour }

// accentFor parses the colour and corrects it: darker until it can be read on
// the light surfaces (and white on it), lighter until on the dark ones.
func accentFor(s string) (accent, error) {
	if s == "" {
		s = defaultAccent
	}
	c, err := parseColour(s)
	if err != nil {
		return accent{}, fmt.Errorf("templates: brand accent %q: want #rgb or #rrggbb", s)
	}
	black, white := colour{}, colour{255, 255, 255}
	return accent{
		light: c.until(black, lightPage, lightCard),
		dark:  c.until(white, darkPage, darkCard, darkInk),
	}, nil
}

// css is the part of the style sheet that holds the colour.
func (a accent) css() string {
	return ":root{--accent:" + a.light.String() + ";--on-accent:#fff}\n" +
		"@media (prefers-color-scheme:dark){:root{--accent:" + a.dark.String() + ";--on-accent:" + darkInk + "}}\n"
}

// until mixes the colour with goal until it can be read on all surfaces.
func (c colour) until(goal colour, surfaces ...string) colour {
	for step := 0.0; step <= 1; step += 0.02 {
		mixed := colour{
			math.Round(c.r + (goal.r-c.r)*step),
			math.Round(c.g + (goal.g-c.g)*step),
			math.Round(c.b + (goal.b-c.b)*step),
		}
		if mixed.readableOn(surfaces) {
			return mixed
		}
	}
	return goal
}

func (c colour) readableOn(surfaces []string) bool {
	for _, s := range surfaces {
		surface, err := parseColour(s)
		if err != nil || contrast(c, surface) < minContrast {
			return false
		}
	}
	return true
}

// contrast is the ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	la, lb := a.luminance(), b.luminance()
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

// String is the colour as #rrggbb.
func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(c.r), int(c.g), int(c.b))
}

func parseColour(s string) (colour, error) {
	hex, ok := strings.CutPrefix(s, "#")
	if ok && len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if !ok || len(hex) != 6 || err != nil {
		return colour{}, fmt.Errorf("no colour: %q", s)
	}
	return colour{float64(n >> 16), float64(n >> 8 & 0xff), float64(n & 0xff)}, nil
}

package conformance

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/chromedp"
)

// picture writes the whole page of the tab into the folder of IDENTITY_PICTURES, for the
// documents. Without it nothing is written.
func (c *tab) picture(name string) {
	c.t.Helper()
	dir := os.Getenv("IDENTITY_PICTURES")
	if dir == "" {
		return
	}
	c.must(nil, "document.activeElement && document.activeElement.blur(), window.scrollTo(0, 0), 0")
	shown, err := chromedp.Run(c.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		shown, err = small(shown)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), shown, 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// small is a picture in the colours that most of it has: pages have few.
func small(full []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(full))
	if err != nil {
		return nil, err
	}
	const colours = 64
	count := map[color.RGBA]int{}
	box := from.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(from.At(x, y)).(color.RGBA) }
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return cmp.Compare(count[b], count[a]) })
	palette := color.Palette{}
	for _, c := range most[:min(colours, len(most))] {
		palette = append(palette, c)
	}
	nearest := map[color.RGBA]uint8{}
	to := image.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			c := at(x, y)
			i, known := nearest[c]
			if !known {
				i = uint8(palette.Index(c))
				nearest[c] = i
			}
			to.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to)
	return out.Bytes(), err
}

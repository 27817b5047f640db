package templates

// GalleryView is the page of the development server that leads to every page and
// letter, with made-up content.
type GalleryView struct {
	Locales []GalleryChoice `json:"locales"`
	Themes  []GalleryChoice `json:"themes"`
	Pages   []GalleryLine   `json:"pages"`
	Letters []GalleryLine   `json:"letters"`
}

// GalleryChoice is a language or a theme that the pages can be looked at in.
type GalleryChoice struct {
	URL     string `json:"url"`
	Label   string `json:"label"`
	Current bool   `json:"current"`
}

// GalleryLine is one page in one state, or one letter.
type GalleryLine struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	TextURL string `json:"text_url,omitempty"` // of a letter
}

func gallerySamples() []Sample {
	return []Sample{{"gallery", Page{Name: "gallery", Dev: true, View: GalleryView{
		Locales: []GalleryChoice{{"/dev/pages?locale=de", "de", false}, {"/dev/pages?locale=en", "en", true}},
		Themes:  []GalleryChoice{{"/dev/pages?theme=light", "light", true}, {"/dev/pages?theme=dark", "dark", false}},
		Pages:   []GalleryLine{{Name: "identify", URL: "/dev/pages/identify"}, {Name: "identify-problem", URL: "/dev/pages/identify-problem"}},
		Letters: []GalleryLine{{Name: "code", URL: "/dev/pages/mail/code", TextURL: "/dev/pages/mail/code?form=text"}},
	}}}}
}

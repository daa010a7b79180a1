package config

import (
	"strings"

	"github.com/zeblit/zeblit/internal/template"
)

// images reads TEMPLATE=IMAGE, separated by commas.
func (c *check) images(name, s string) map[string]string {
	images := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		slug, image, ok := strings.Cut(pair, "=")
		slug, image = strings.TrimSpace(slug), strings.TrimSpace(image)
		if _, err := template.Find(slug); !ok || err != nil || image == "" || strings.ContainsAny(image, " \t") {
			c.bad("%s must be templates with their images, like react=node:24,go=golang:1.26; %s is none", name, quote(pair))
			continue
		}
		if _, twice := images[slug]; twice {
			c.bad("%s names the template %s twice", name, slug)
		}
		images[slug] = image
	}
	return images
}

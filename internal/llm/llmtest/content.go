package llmtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
)

// part is a piece of content, of any vendor's.
type part struct {
	Type, Text string
	ImageURL   json.RawMessage `json:"image_url"` // of OpenAI's, a string or {"url":…}
	Source     struct {        // of Anthropic's
		Type, Data string
		MediaType  string `json:"media_type"`
	}
}

// read reads content that is a string, or a list of parts, into a message.
func readContent(raw json.RawMessage, out *llm.Message) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		out.Text += s
		return nil
	}
	var parts []part
	if err := json.Unmarshal(raw, &parts); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	for _, p := range parts {
		switch p.Type {
		case "text", "input_text", "output_text":
			out.Text += p.Text
		case "image_url", "input_image":
			image, err := p.image()
			if err != nil {
				return fmt.Errorf("content: %w", err)
			}
			out.Images = append(out.Images, image)
		default:
			return fmt.Errorf("content: block type %q is not understood here", p.Type)
		}
	}
	return nil
}

// textOf reads content in which there may be nothing but text.
func textOf(raw json.RawMessage) (string, error) {
	var m llm.Message
	if err := readContent(raw, &m); err != nil {
		return "", err
	}
	if len(m.Images) > 0 {
		return "", fmt.Errorf("content: images are not understood here")
	}
	return m.Text, nil
}

// image reads one of any vendor's, which must be sent along.
func (p part) image() (llm.Image, error) {
	media, data := p.Source.MediaType, p.Source.Data
	if len(p.ImageURL) > 0 {
		var object struct{ URL string }
		if json.Unmarshal(p.ImageURL, &object.URL) != nil {
			_ = json.Unmarshal(p.ImageURL, &object)
		}
		head, rest, _ := strings.Cut(object.URL, ";base64,")
		media, data = strings.TrimPrefix(head, "data:"), rest
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(raw) == 0 || !strings.HasPrefix(media, "image/") {
		return llm.Image{}, fmt.Errorf("an image must be base64 of some image/ type")
	}
	return llm.Image{MediaType: media, Data: raw}, nil
}

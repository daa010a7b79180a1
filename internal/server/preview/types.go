package preview

import (
	"net/http"
	"path"
	"strings"
)

// types are those of what web sites are made of; the machine's own table differs from one
// to the next.
var types = map[string]string{
	".avif": "image/avif", ".css": "text/css; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".gif": "image/gif",
	".htm": html, ".html": html, ".ico": "image/x-icon", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".map": "application/json",
	".md": "text/markdown; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".mp3": "audio/mpeg", ".mp4": "video/mp4",
	".ogg": "audio/ogg", ".otf": "font/otf", ".pdf": "application/pdf", ".png": "image/png", ".svg": "image/svg+xml",
	".ttf": "font/ttf", ".txt": "text/plain; charset=utf-8", ".wasm": "application/wasm", ".wav": "audio/wav",
	".webm": "video/webm", ".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff",
	".woff2": "font/woff2", ".xml": "application/xml",
}

const html = "text/html; charset=utf-8"

// typeOf is what a file is served as. What has no known ending is text or bytes, but
// never a page or a script.
func typeOf(name string, content []byte) string {
	if known := types[strings.ToLower(path.Ext(name))]; known != "" {
		return known
	}
	if guess := http.DetectContentType(content); strings.HasPrefix(guess, "image/") || strings.HasPrefix(guess, "audio/") || strings.HasPrefix(guess, "video/") {
		return guess
	} else if strings.HasPrefix(guess, "text/") {
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

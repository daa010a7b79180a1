package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"strings"
)

// style is the look of the built-in pages.
const style = `:root{color-scheme:light dark}body{margin:0;padding:3rem 1.25rem;background:light-dark(#f7f7fb,#12121c);` +
	`color:light-dark(#16162a,#ededf6);font:1rem/1.6 system-ui,sans-serif}main{margin:0 auto;max-width:40rem}` +
	`h1{letter-spacing:-.02em}a{color:light-dark(#4a3fd6,#a9a2ff)}pre,code{font-family:ui-monospace,monospace}` +
	`pre{padding:.75rem 1rem;border-radius:8px;background:light-dark(#ecebfd,#2a2750);overflow-x:auto}`

var styleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// builtin makes a page without files, for what is missing. The body is HTML.
func builtin(title, body string) string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,"><title>`)
	b.WriteString(html.EscapeString(title))
	b.WriteString(`</title><style>` + style + `</style></head><body><main><h1>`)
	b.WriteString(html.EscapeString(title))
	b.WriteString("</h1>" + body + "</main></body></html>\n")
	return b.String()
}

func startPage(version string) string {
	return builtin("Zeblit "+version, `<p>A team of AI agents that builds software for you, behind a GraphQL API.</p>`+
		`<p>In a terminal:</p><pre>zeblit chat "Build a to-do list page"</pre>`+
		`<ul><li><code>/graphql</code>: GraphQL by POST, GET and WebSocket</li>`+
		`<li><a href="/schema.graphql">The schema</a></li><li><a href="/health">Health</a></li></ul>`+
		`<p>This program was built without its browser pages. <code>make build</code> with Node 20 or newer makes them.</p>`)
}

func missingPage() string {
	return builtin("This page was not built", `<p>This program was built without its browser pages. With Node 20 or newer installed,</p>`+
		`<pre>make build</pre><p>makes them part of it. Until then the API at <code>/graphql</code> and <code>zeblit chat</code> do the same. `+
		`<a href="/">Start page</a></p>`)
}

func notFoundPage() string {
	return builtin("There is nothing here", `<p>This server has no such page. <a href="/">Start page</a></p>`)
}

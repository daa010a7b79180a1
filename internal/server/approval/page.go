package approval

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"time"

	"github.com/zeblit/zeblit/ent"
)

// question is what the page shows.
type question struct {
	*ent.Approval
	Agent   string
	Open    bool
	Problem string // in place of everything else
}

const style = `:root{color-scheme:light dark}*{box-sizing:border-box}body{margin:0;padding:1.25rem;background:light-dark(#f7f7fb,#12121c);` +
	`color:light-dark(#16162a,#ededf6);font:1rem/1.5 system-ui,sans-serif}main{margin:0 auto;max-width:36rem}h1{font-size:1.3rem;line-height:1.3}` +
	`pre{margin:0;padding:.75rem 1rem;border-radius:8px;background:light-dark(#ecebfd,#2a2750);overflow:auto;max-height:45vh;white-space:pre-wrap;` +
	`overflow-wrap:anywhere;font:.875rem/1.5 ui-monospace,monospace}dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem}` +
	`dt{opacity:.7}dd{margin:0}label{display:block;margin:1rem 0 .25rem}textarea{width:100%;font:inherit;padding:.5rem;border-radius:8px;border:1px solid #8888}` +
	`.risk-HIGH{color:light-dark(#b3261e,#ff8a80);font-weight:600}p.buttons{display:flex;gap:.75rem;margin-top:1rem}` +
	`button{flex:1;padding:.9rem;border:0;border-radius:10px;font:600 1rem system-ui,sans-serif;cursor:pointer}` +
	`button[value=APPROVE]{background:#4a3fd6;color:#fff}button[value=DENY]{background:light-dark(#dddbe9,#3a3850);color:inherit}`

// policy lets the page have its one style element, and send its form here.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; " +
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}()

var page = template.Must(template.New("").Funcs(template.FuncMap{
	"style": func() template.CSS { return style },
	"when":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
}).Parse(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="data:,"><title>Approval · Zeblit</title><style>{{style}}</style></head><body><main>
{{- if .Problem}}<h1>This can't be answered here</h1><p>{{.Problem}}</p>
{{- else}}<h1>{{.Agent}} {{if .Open}}asks to be allowed to do this{{else}}asked to be allowed to do this{{end}}</h1>
<pre>{{.Shown}}</pre>
<dl><dt>Risk</dt><dd class="risk-{{.Risk}}">{{.Risk}}{{with .Reason}}: {{.}}{{end}}</dd><dt>Kind</dt><dd>{{.Class}}, with {{.Tool}}</dd><dt>Asked by</dt><dd>{{.Rule}}</dd>
{{- if .Open}}<dt>Until</dt><dd>{{when .ExpiresAt}}; then it is denied</dd>{{else}}<dt>State</dt><dd><strong>{{.State}}</strong></dd>{{end}}</dl>
{{- if .Open}}
<form method="post"><label for="comment">A word about it, which a denied agent is told</label><textarea id="comment" name="comment" maxlength="2000" rows="2"></textarea>
<p class="buttons"><button name="decision" value="DENY">Deny</button><button name="decision" value="APPROVE">Approve once</button></p></form>
{{- else}}<p>It is answered. You can close this page.</p>{{end}}{{end}}
</main></body></html>
`))

func show(w http.ResponseWriter, status int, q question) {
	w.WriteHeader(status)
	_ = page.Execute(w, q)
}

package pages

// What each page may load and do. All of it comes from this server: no script is
// inline, none is made from a string, nothing may frame a page and no form is sent
// by the browser itself.
//
// 'self' in connect-src covers ws: and wss: of the same host in every browser since
// Chrome 71, Firefox and Safari 16.
const (
	plainPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

	// The explorer's editor (Monaco) starts its workers from files, and draws with style
	// attributes and style elements that it makes, which can have no nonce: they set
	// colours and places, not behaviour. Its icons are a font of ours, its few pictures
	// data: addresses in its style sheet.
	explorerPolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; " +
		"img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// builtinPolicy is that of the pages made here, which have one style element, known by its hash.
var builtinPolicy = "default-src 'none'; style-src 'sha256-" + styleHash + "'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// word is an argument. known says that text is all of it, whenever the line runs.
type word struct {
	text  string
	known bool
}

// word reads an argument, and what is to run within it.
func (r *reader) word(w *syntax.Word) word {
	var b strings.Builder
	known := r.parts(&b, w.Parts, false)
	out := word{text: b.String(), known: known}
	if strings.HasPrefix(out.text, "~") {
		out.known = false
	}
	r.Words = append(r.Words, out.text)
	return out
}

func (r *reader) parts(b *strings.Builder, parts []syntax.WordPart, quoted bool) (known bool) {
	known = true
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(p.Value, quoted))
			if !quoted && strings.Contains(p.Value, "{") && (strings.Contains(p.Value, ",") || strings.Contains(p.Value, "..")) {
				known = false // {a,b} becomes two words
			}
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
			if p.Dollar && strings.Contains(p.Value, `\`) {
				known = false
			}
		case *syntax.DblQuoted:
			known = r.parts(b, p.Parts, true) && known
		case *syntax.CmdSubst:
			r.within(p.Stmts)
			known = false
		case *syntax.ProcSubst:
			r.within(p.Stmts)
			known = false
		case *syntax.ParamExp:
			known = false
			if p.Param != nil {
				b.WriteString("$" + p.Param.Value)
			}
			r.expansion(p)
		default: // arithmetic, extended globs
			known = false
		}
	}
	return known
}

// expansion reads what stands in ${x:-…}.
func (r *reader) expansion(p *syntax.ParamExp) {
	if p.Exp != nil && p.Exp.Word != nil {
		r.word(p.Exp.Word)
	}
}

func (r *reader) within(stmts []*syntax.Stmt) {
	if !r.enter(maxDepth) {
		return
	}
	defer r.leave()
	for _, s := range stmts {
		r.statement(s, "", nil)
	}
}

// unescape takes away the backslashes that a shell takes away.
func unescape(s string, quoted bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			next := s[i+1]
			switch {
			case next == '\n':
				i++
				continue
			case !quoted || strings.IndexByte("\"\\$`", next) >= 0:
				i++
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

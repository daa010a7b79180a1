package security

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
)

// Page is a page as a server has sent it.
type Page struct {
	// File is the project's file that it is made from.
	File   string
	Status int
	Header http.Header
	Body   []byte
	// Secure says that it came over https.
	Secure bool
}

var (
	metaTag    = regexp.MustCompile(`(?is)<meta\b[^>]*http-equiv\s*=\s*["']?content-security-policy["']?[^>]*>`)
	metaPolicy = regexp.MustCompile(`(?is)\bcontent\s*=\s*(?:"([^"]*)"|'([^']*)')`)
	headOf     = regexp.MustCompile(`(?i)<head\b|<html\b|<!doctype`)
)

// Headers looks at what a page was sent with. A policy in the page itself counts too, as
// browsers hold to both.
func Headers(p Page) (found []Finding) {
	text := string(p.Body)
	at := linesOf(text)
	line := 1
	if m := headOf.FindStringIndex(text); m != nil {
		line = at.at(m[0])
	}
	add := func(rule, title string, severity enum.Severity, cwe int, evidence, remedy string) {
		found = append(found, Finding{
			Check: enum.CheckHeaders, Rule: rule, Title: title, File: p.File, Line: line, Severity: severity,
			Evidence: Evidence(evidence), Remedy: remedy, CWE: cwe,
		})
	}
	policies := p.Header.Values("Content-Security-Policy")
	framed := len(policies) > 0 && strings.Contains(strings.Join(policies, ";"), "frame-ancestors")
	for _, tag := range metaTag.FindAllString(text, 8) {
		if m := metaPolicy.FindStringSubmatch(tag); m != nil {
			policies = append(policies, m[1]+m[2])
		}
	}
	switch {
	case len(policies) == 0:
		add("header-csp", "The page has no Content-Security-Policy", enum.SeverityMedium, 693, "Content-Security-Policy: (missing)",
			"Send Content-Security-Policy, as default-src 'self', or put it into the page as a meta tag.")
	case allAllow(policies, "'unsafe-inline'"):
		add("header-csp-inline", "The page's policy lets scripts run that stand in it", enum.SeverityLow, 693, "script-src "+scripts(policies[0]),
			"Put <meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'self'\"> into the page's head, with scripts in files of their own; browsers hold to it beside the server's.")
	}
	if !framed && p.Header.Get("X-Frame-Options") == "" {
		add("header-frames", "Other sites may show the page in a frame", enum.SeverityMedium, 1021, "frame-ancestors and X-Frame-Options: (missing)",
			"Send Content-Security-Policy: frame-ancestors 'self'.")
	}
	if !strings.EqualFold(p.Header.Get("X-Content-Type-Options"), "nosniff") {
		add("header-nosniff", "Browsers guess what files are", enum.SeverityLow, 693, "X-Content-Type-Options: "+orMissing(p.Header.Get("X-Content-Type-Options")),
			"Send X-Content-Type-Options: nosniff.")
	}
	if p.Header.Get("Referrer-Policy") == "" {
		add("header-referrer", "Other sites are told the page's whole address", enum.SeverityLow, 200, "Referrer-Policy: (missing)",
			"Send Referrer-Policy: strict-origin-when-cross-origin.")
	}
	if p.Header.Get("Access-Control-Allow-Origin") == "*" && p.Header.Get("Access-Control-Allow-Credentials") == "true" {
		add("header-cors", "Any site may ask with the user's credentials", enum.SeverityHigh, 942, "Access-Control-Allow-Origin: * with credentials",
			"List the origins that may ask with credentials.")
	}
	if p.Secure && p.Header.Get("Strict-Transport-Security") == "" {
		add("header-hsts", "Browsers may come back without https", enum.SeverityLow, 319, "Strict-Transport-Security: (missing)",
			"Send Strict-Transport-Security: max-age=31536000.")
	}
	for _, c := range (&http.Response{Header: p.Header}).Cookies() {
		if !c.HttpOnly || p.Secure && !c.Secure {
			add("header-cookie", "A cookie that scripts can read, or that goes over plain HTTP", enum.SeverityMedium, 1004, "Set-Cookie: "+c.Name+"=…",
				"Set HttpOnly, Secure and SameSite.")
		}
	}
	return settle(found)
}

// scripts is what a policy says of scripts.
func scripts(policy string) string {
	otherwise := ""
	for _, directive := range strings.Split(policy, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
		switch strings.ToLower(name) {
		case "script-src":
			return value
		case "default-src":
			otherwise = value
		}
	}
	return otherwise
}

// allAllow says whether every policy lets scripts have the source: one that doesn't is
// enough, and one that says nothing of scripts lets them have all.
func allAllow(policies []string, source string) bool {
	for _, policy := range policies {
		if allowed := scripts(policy); allowed != "" && !strings.Contains(allowed, source) {
			return false
		}
	}
	return true
}

func orMissing(value string) string {
	if value == "" {
		return "(missing)"
	}
	return value
}

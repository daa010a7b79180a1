package wire

import "strings"

// maxMessage bounds what is kept of a vendor's text.
const maxMessage = 1000

// Redact makes a vendor's text safe to show: the secrets and everything that looks
// like a key become "[key]", and it is valid UTF-8 of bounded length.
func Redact(message string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			message = strings.ReplaceAll(message, s, "[key]")
		}
	}
	message = strings.ToValidUTF8(message, "�")
	var b strings.Builder
	for {
		i := strings.Index(message, "sk-")
		if i < 0 {
			break
		}
		end := i + 3
		for end < len(message) && (message[end] == '-' || message[end] == '_' || message[end] == '*' || message[end] == '.' || isAlnum(message[end])) {
			end++
		}
		b.WriteString(message[:i])
		if end-i >= 12 && (i == 0 || !isAlnum(message[i-1])) {
			b.WriteString("[key]")
		} else {
			b.WriteString(message[i:end])
		}
		message = message[end:]
	}
	b.WriteString(message)
	if out := b.String(); len(out) <= maxMessage {
		return out
	}
	return strings.ToValidUTF8(b.String()[:maxMessage], "") + "…"
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

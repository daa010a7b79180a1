package limits

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

// longestRun is the length of the longest run of characters that a name may have,
// in a string or a comment too: no name is longer.
func longestRun(query string) int {
	longest, run := 0, 0
	for i := range len(query) {
		if inName[query[i]] {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

var inName = func() (table [256]bool) {
	for _, c := range []byte("_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		table[c] = true
	}
	return table
}()

// hasLongName reads tokens until a name is too long. What is no token, and the
// token after too many, is the parser's to refuse.
func hasLongName(query string, l Limits) bool {
	tokens := lexer.New(&ast.Source{Input: query})
	for range l.Tokens {
		token, err := tokens.ReadToken()
		switch {
		case err != nil || token.Kind == lexer.EOF:
			return false
		case token.Kind == lexer.Name && len(token.Value) > l.Name:
			return true
		}
	}
	return false
}

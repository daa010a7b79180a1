package conversation

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMentionNamesAnAgent(t *testing.T) {
	t.Parallel()
	for text, slug := range map[string]string{
		"@engineer look at this":              "engineer",
		"please, @Engineer, look":             "engineer",
		"ask (@engineer).":                    "engineer",
		"@nobody or @engineer":                "engineer",
		"``` and @engineer":                   "engineer",
		"日本@engineer":                         "",
		"→@engineer":                          "engineer",
		"write to me@engineer.com":            "",
		"see @engineer.com":                   "",
		"install @engineer/lib":               "",
		"@engineers":                          "",
		"@engineer_x":                         "",
		"the word `@engineer` is code":        "",
		"```\n@engineer\n```":                 "",
		"``a ` @engineer``":                   "",
		"```go\n@x\n```\nthen @engineer":      "engineer",
		"nobody at all":                       "",
		"@":                                   "",
		"a decorator: `@engineer`; @engineer": "engineer",
	} {
		require.Equal(t, slug, mentioned(text), text)
	}
}

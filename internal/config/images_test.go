package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestImagesAreForTemplates(t *testing.T) {
	noEnvironment(t)
	cfg, err := parse(t, "--sandbox-image-for", "react=node:24, go = golang:1.26,")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"react": "node:24", "go": "golang:1.26"}, cfg.SandboxImages)

	for given, wanted := range map[string]string{
		"cobol=x":           `"cobol=x" is none`,
		"react":             `"react" is none`,
		"react=":            `"react=" is none`,
		"react=a b":         `"react=a b" is none`,
		"react=a,react=b":   "names the template react twice",
		"react=a,=b,go=c,x": `"x" is none`,
	} {
		_, err := parse(t, "--sandbox-image-for", given)
		require.ErrorContains(t, err, wanted, given)
	}
}

package security_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/security"
)

// TestVersionsOfEachLineAreCompared looks at packages of which more than one line was
// affected: a version is found in each of them, and what mends it is of its own line.
func TestVersionsOfEachLineAreCompared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		manifest, pkg, version, rule, remedy string // no remedy: the version has not that flaw
	}{
		{"package.json", "path-to-regexp", "0.1.7", "CVE-2024-45296", "Use path-to-regexp 0.1.10, or 8.0.0 or later."},
		{"package.json", "path-to-regexp", "0.1.10", "CVE-2024-45296", ""},
		{"package.json", "path-to-regexp", "1.8.0", "CVE-2024-45296", "Use path-to-regexp 1.9.0, or 8.0.0 or later."},
		{"package.json", "path-to-regexp", "3.3.0", "CVE-2024-45296", ""},
		{"package.json", "path-to-regexp", "6.2.2", "CVE-2024-45296", "Use path-to-regexp 6.3.0, or 8.0.0 or later."},
		{"package.json", "path-to-regexp", "7.2.0", "CVE-2024-45296", "Use path-to-regexp 8.0.0 or later."},
		{"package.json", "node-fetch", "2.6.6", "CVE-2022-0235", "Use node-fetch 2.6.7, or 3.1.1 or later."},
		{"package.json", "node-fetch", "3.1.0", "CVE-2022-0235", "Use node-fetch 3.1.1 or later."},
		{"package.json", "express", "4.18.2", "CVE-2024-29041", "Use express 4.19.2 or later."},
		{"package.json", "express", "5.0.0-beta.1", "CVE-2024-29041", "Use express 5.0.0-beta.3 or later."},
		{"package.json", "express", "5.0.0-beta.3", "CVE-2024-29041", ""},
		{"package.json", "express", "5.0.0-beta.3", "CVE-2024-43796", "Use express 5.0.0 or later."},
		{"package.json", "express", "5.0.0", "CVE-2024-43796", ""},
		{"package.json", "multer", "1.4.4-lts.1", "CVE-2025-47935", "Use multer 2.0.0 or later."},
		{"package.json", "semver", "1.1.4", "CVE-2022-25883", ""},
		{"package.json", "semver", "5.7.1", "CVE-2022-25883", "Use semver 5.7.2, or 7.5.2 or later."},
		{"go.mod", "github.com/dgrijalva/jwt-go", "v3.2.0+incompatible", "CVE-2020-26160", "Use github.com/golang-jwt/jwt/v5 instead."},
		{"go.mod", "github.com/golang-jwt/jwt", "v3.2.2+incompatible", "CVE-2025-30204", "Use github.com/golang-jwt/jwt/v5 instead."},
		{"go.mod", "github.com/golang-jwt/jwt/v5", "v5.2.1", "CVE-2025-30204", "Use github.com/golang-jwt/jwt/v5 5.2.2 or later."},
		{"go.mod", "github.com/gin-gonic/gin", "v1.3.0", "CVE-2023-29401", ""},
		{"go.mod", "github.com/gin-gonic/gin", "v1.9.0", "CVE-2023-29401", "Use github.com/gin-gonic/gin 1.9.1 or later."},
	} {
		t.Run(c.pkg+" "+c.version+" "+c.rule, func(t *testing.T) {
			t.Parallel()
			text := fmt.Sprintf(`{"dependencies": {%q: %q}}`, c.pkg, c.version)
			if c.manifest == "go.mod" {
				text = fmt.Sprintf("module example.com/todos\n\nrequire %s %s\n", c.pkg, c.version)
			}
			report, err := security.Scan(t.Context(), security.Files{c.manifest: text}, enum.CheckDependencies)
			require.NoError(t, err)
			remedy := ""
			for _, f := range report.Findings {
				if f.Rule == c.rule {
					remedy = f.Remedy
				}
			}
			require.Equal(t, c.remedy, remedy)
			for _, gap := range report.NotAssessed {
				require.NotContains(t, gap.Subject, c.pkg, "the version can't be read")
			}
		})
	}
}

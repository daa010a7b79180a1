package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

const setKey = `mutation($i: SetProviderKeyInput!) { setProviderKey(input: $i) { providerKey {
	id provider hint createdAt createdBy { id } project { id } organisation { id } } } }`

// TestWhoMaySetAndSeeWhichKey tries each of six people on the keys of a project and its
// organisation: setting, checking, listing, finding and deleting them.
func TestWhoMaySetAndSeeWhichKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setupUsage(t, db)
		people := []access.Viewer{b.owner, b.viewer, b.boss, b.colleague, b.eve, b.root}
		code := func(extensions map[string]any) string {
			if extensions == nil {
				return ""
			}
			return extensions["code"].(string)
		}
		const lists = `query($p: ID!, $o: ID!, $k: ID!) {
			project: node(id: $p) { ... on Project { providerKeys { nodes { id } } } }
			organisation: node(id: $o) { ... on Organisation { providerKeys { nodes { id } } } }
			key: node(id: $k) { ... on ProviderKey { provider hint } } }`
		for field, of := range map[string]struct {
			id string
			// What each of people is told: the code, or "" where they may.
			codes [6]string
		}{
			"projectId":      {b.project.ID, [6]string{"", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"}},
			"organisationId": {b.project.OrganisationID, [6]string{"FORBIDDEN", "NOT_FOUND", "", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND"}},
		} {
			input := map[string]any{field: of.id, "provider": "anthropic", "key": "0123456789abcdef"}
			var made string
			for i, v := range people {
				data, extensions := b.try(as(v), t, setKey, map[string]any{"i": input})
				require.Equal(t, of.codes[i], code(extensions), "%s by %d", field, i)
				if extensions == nil {
					key := at(data, "setProviderKey", "providerKey")
					made = at(key, "id").(string)
					require.Equal(t, []any{"anthropic", "cdef", v.UserID}, []any{at(key, "provider"), at(key, "hint"), at(key, "createdBy", "id")})
					require.Equal(t, field == "projectId", at(key, "project") != nil)
					require.Equal(t, b.project.OrganisationID, at(key, "organisation", "id"))
				}
				_, extensions = b.try(as(v), t, `mutation($i: CheckProviderInput!) { checkProvider(input: $i) { ok } }`,
					map[string]any{"i": map[string]any{field: of.id, "provider": "gemini"}})
				want := of.codes[i]
				if want == "" {
					want = "BAD_USER_INPUT" // there is no key of it
					require.Equal(t, "key", extensions["field"])
				}
				require.Equal(t, want, code(extensions), "%s checked by %d", field, i)
			}
			for i, v := range people {
				data := b.do(as(v), t, lists, map[string]any{"p": b.project.ID, "o": b.project.OrganisationID, "k": made})
				found := at(data, "key") != nil
				require.Equal(t, of.codes[i] == "", found, "%s seen by %d", field, i)
				for list, its := range map[string]bool{"project": field == "projectId", "organisation": field == "organisationId"} {
					if at(data, list) == nil || at(data, list, "providerKeys") == nil {
						continue // not theirs to see
					}
					nodes := at(data, list, "providerKeys", "nodes").([]any)
					require.Equal(t, its, len(nodes) == 1, "%s of %s, by %d", field, list, i)
					if its {
						require.True(t, found)
					}
				}
				if of.codes[i] == "" {
					list := field[:len(field)-2]
					require.NotNil(t, at(data, list, "providerKeys"))
					continue
				}
				_, extensions := b.try(as(v), t, `mutation($k: ID!) { deleteProviderKey(input: {providerKeyId: $k}) { providerKeyId } }`, map[string]any{"k": made})
				require.Equal(t, "NOT_FOUND", code(extensions))
			}
			for i, v := range people {
				if of.codes[i] == "" {
					data := b.do(as(v), t, `mutation($k: ID!) { deleteProviderKey(input: {providerKeyId: $k}) { providerKeyId } }`, map[string]any{"k": made})
					require.Equal(t, made, at(data, "deleteProviderKey", "providerKeyId"))
				}
			}
		}
		for i, v := range people { // the installation's own
			_, extensions := b.try(as(v), t, `mutation { checkProvider(input: {provider: "gemini"}) { ok } }`, nil)
			if i == 5 {
				require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": "key"}, extensions)
			} else {
				require.Equal(t, "FORBIDDEN", code(extensions))
			}
		}
	})
}

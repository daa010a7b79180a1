package graph_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestADeviceSignsInOverTheAPI(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
		nobody := context.Background()
		ada.SessionID = "ses_1"
		made := at(b.do(nobody, t, `mutation { requestDeviceCode(input: {clientName: "laptop"}) {
			deviceCode userCode verificationUrl verificationUrlComplete expiresAt interval } }`, nil), "requestDeviceCode")
		code := at(made, "userCode").(string)
		require.Equal(t, "https://zeblit.example/device", at(made, "verificationUrl"))
		require.Equal(t, "https://zeblit.example/device?code="+code, at(made, "verificationUrlComplete"))
		require.EqualValues(t, 5, at(made, "interval"))

		exchange := func() any {
			return at(b.do(nobody, t, `mutation($c: String!) { exchangeDeviceCode(input: {deviceCode: $c}) {
				status secret apiKey { name } user { id name } } }`, map[string]any{"c": at(made, "deviceCode")}), "exchangeDeviceCode")
		}
		require.Equal(t, map[string]any{"status": "PENDING", "secret": nil, "apiKey": nil, "user": nil}, exchange())

		const find = `query($c: String!) { deviceCode(userCode: $c) { userCode clientName createdAt expiresAt } }`
		_, ext := b.try(nobody, t, find, map[string]any{"c": code})
		require.Equal(t, "UNAUTHENTICATED", ext["code"])
		data, ext := b.try(as(ada), t, find, map[string]any{"c": "BBBB-BBBB"})
		require.Equal(t, map[string]any{"code": "NOT_FOUND", "field": "userCode"}, ext)
		require.Equal(t, map[string]any{"deviceCode": nil}, data)
		shown := at(b.do(as(ada), t, find, map[string]any{"c": code}), "deviceCode")
		require.Equal(t, "laptop", at(shown, "clientName"))
		require.Equal(t, at(made, "expiresAt"), at(shown, "expiresAt"))

		const decide = `mutation($c: String!) { decideDeviceCode(input: {userCode: $c, decision: APPROVE}) { clientName } }`
		_, ext = b.try(as(access.Viewer{UserID: ada.UserID, KeyID: "key_1"}), t, decide, map[string]any{"c": code})
		require.Equal(t, "FORBIDDEN", ext["code"])
		require.Equal(t, "laptop", at(b.do(as(ada), t, decide, map[string]any{"c": code}), "decideDeviceCode", "clientName"))

		answer := exchange()
		require.Equal(t, "APPROVED", at(answer, "status"))
		require.Regexp(t, "^zbl_", at(answer, "secret"))
		require.Equal(t, "laptop", at(answer, "apiKey", "name"))
		require.Equal(t, ada.UserID, at(answer, "user", "id"))
		require.Equal(t, "EXPIRED", at(exchange(), "status"))
	})
}

func TestNodesAreTheEdgesNodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
		require.Equal(t, []any{}, at(b.do(as(ada), t, `{ projects { nodes { id } } }`, nil), "projects", "nodes"))
		b.create(t, ada, "one")
		b.create(t, ada, "two")
		page := at(b.do(as(ada), t, `{ projects(first: 2) { nodes { name } edges { node { name } } } }`, nil), "projects")
		require.Equal(t, []any{map[string]any{"name": "two"}, map[string]any{"name": "one"}}, at(page, "nodes"))
		require.Len(t, at(page, "edges"), 2)
	})
}

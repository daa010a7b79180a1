package wsproto

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"n":1e5}}}`))
	f.Add([]byte(`{"type":"connection_init","payload":{"Authorization":"Bearer x"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parse(raw)
		if err != nil {
			require.LessOrEqual(t, len(invalid(err.Error()).reason), 123, "room for a reason")
			return
		}
		require.True(t, json.Valid(raw) || r.refused != nil)
		if r.kind == "subscribe" && r.refused == nil {
			require.NotEmpty(t, r.id)
			require.True(t, r.params.Query != "" || r.params.Extensions["persistedQuery"] != nil)
		}
	})
}

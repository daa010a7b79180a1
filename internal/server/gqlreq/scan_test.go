package gqlreq_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

func TestTooMuchJSONIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"deep lists":     `{"query":"{a}","variables":{"v":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}}`,
		"deep objects":   `{"query":"{a}","other":` + strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100) + `}`,
		"many elements":  `{"query":"{a}","variables":{"v":[` + strings.Repeat("1,", 10_000) + `1]}}`,
		"many objects":   `{"query":"{a}","variables":{"v":[` + strings.Repeat("{}\n", 10_001) + `]}}`,
		"a long query":   `{"query":"` + strings.Repeat("x", 1<<20) + `"}`,
		"never finished": strings.Repeat("[", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "never finished" {
				body = " {" + body
			}
			_, err := gqlreq.Decode([]byte(body))
			require.NotNil(t, err)
			require.Equal(t, problem.QueryTooComplex, err.Code, err.Message)
		})
	}
	_, err := gqlreq.Object("variables", []byte(`{"v":[`+strings.Repeat("1,", 10_000)+`1]}`))
	require.NotNil(t, err)
	require.Equal(t, "variables", err.Field)
}

func TestBracketsAndCommasInStringsCountForNothing(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`[{,\"`, 20_000)
	params, err := gqlreq.Decode([]byte(`{"query":"{a}","variables":{"text":"` + text + `","list":[` + strings.Repeat("1,", 9_000) + `1]}}`))
	require.Nil(t, err)
	require.Equal(t, strings.ReplaceAll(text, `\"`, `"`), params.Variables["text"])
	require.Len(t, params.Variables["list"], 9001)
}

// What is split by hand must be what encoding/json reads.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : 1 , "b" : "x,}" } `, `{"a":{"b":[1,{"c":"\\\""}]}}`, `{"a\u0062":null,"a":1,"a":2}`, `{"a":1,}`, `{,}`, `{"a" 1}`,
		`{"a":}`, `{"a":[}`, `{"a":1}}`, `{"a":1}x`, `{"a`, `{"a\`, `{"a":"\`, `[]`, `null`, ``, `{"a":"` + "\n" + `"}`, `{"a":1 2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !utf8.Valid(raw) { // is refused before
			return
		}
		got, ok := gqlreq.Members(raw)
		for _, value := range got {
			ok = ok && json.Valid(value)
		}
		var want map[string]json.RawMessage
		valid := json.Unmarshal(raw, &want) == nil && want != nil
		require.Equal(t, valid && len(want) == names(raw), ok, "%q", raw)
		if !ok {
			return
		}
		require.Len(t, got, len(want))
		for name, value := range want {
			require.Equal(t, string(value), string(got[name]), "%q", raw)
		}
	})
}

// names counts those of an object's members, the same one again too.
func names(object []byte) (n int) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		return 0
	}
	for decoder.More() {
		var value json.RawMessage
		if _, err := decoder.Token(); err != nil || decoder.Decode(&value) != nil {
			return 0
		}
		n++
	}
	return n
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"query":"{a}","variables":{"n":1e5},"extensions":null,"operationName":"A"}`))
	f.Add([]byte(`{"query":"\ud83d\ude00\n"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		params, err := gqlreq.Decode(raw)
		if err != nil {
			require.Less(t, len(err.Message), 200)
			return
		}
		var want struct {
			Query         string
			OperationName string
		}
		// encoding/json takes names in any case.
		if json.Unmarshal(raw, &want) == nil && strings.Count(strings.ToLower(string(raw)), "query") == 1 {
			require.Equal(t, want.Query, params.Query)
		}
	})
}

func FuzzStrings(f *testing.F) {
	for _, seed := range []string{`\u00e9\n\"`, `\ud83d\ude00`, `\ud83d`, `\ud83d\ud83d\ude00`, `\ude00x`, `\u12`, `\x`, "\t", `a\`, `"`, `\/\b`, `\uFFFF\u0000`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || text == "" {
			return
		}
		var want string
		valid := json.Unmarshal([]byte(`"`+text+`"`), &want) == nil
		params, err := gqlreq.Decode([]byte(`{"query":"` + text + `"}`))
		if !valid {
			require.True(t, err != nil || strings.Contains(text, `"`), "%q", text)
			return
		}
		require.Nil(t, err, "%q", text)
		require.Equal(t, want, params.Query)
	})
}

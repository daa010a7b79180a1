package catalogue_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/llm/catalogue"
)

func TestOverrides(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, `[
		{"provider": "openai", "id": "gpt-5-mini", "price": {"input": 0.000001, "output": "12.345678"}, "asOf": "2026-11-01"},
		{"provider": "openai", "id": "gpt-5", "name": "Five", "outputLimit": 1000, "efforts": []},
		{"provider": "vllm", "id": "qwen", "contextWindow": 32768, "outputLimit": 4096, "tools": false, "images": true,
		 "price": {"input": "1", "output": "2", "cacheRead": "0.5", "cacheWrite": 3,
		           "long": {"above": 16000, "input": 2, "output": 4, "cacheRead": 1}}},
		{"provider": "ollama", "id": "*", "price": {"input": 0, "output": 0}},
		{"provider": "ollama", "id": "big", "contextWindow": 8192}
	]`)

	m, ok := c.Find("openai", "gpt-5-mini")
	require.True(t, ok)
	require.Equal(t, catalogue.Price{Input: 1, Output: 12_345_678, CacheRead: 1, CacheWrite: 1, AsOf: "2026-11-01"}, *m.Price)
	require.Equal(t, int64(400_000), m.ContextWindow, "what an entry doesn't say stays")

	m, _ = c.Find("openai", "gpt-5")
	require.Equal(t, "Five", m.Name)
	require.Equal(t, int64(1000), m.OutputLimit)
	require.Empty(t, m.Efforts)
	require.Equal(t, int64(1_250_000), m.Price.Input)

	m, ok = c.Find("vllm", "qwen")
	require.True(t, ok)
	require.Equal(t, catalogue.Model{
		Provider: "vllm", ID: "qwen", Name: "qwen", ContextWindow: 32_768, OutputLimit: 4096, Images: true,
		Price: &catalogue.Price{Input: 1_000_000, Output: 2_000_000, CacheRead: 500_000, CacheWrite: 3_000_000,
			Long: &catalogue.LongPrice{Above: 16_000, Input: 2_000_000, Output: 4_000_000, CacheRead: 1_000_000, CacheWrite: 2_000_000}},
	}, m)

	m, ok = c.Find("ollama", "whatever:7b")
	require.True(t, ok)
	require.Equal(t, catalogue.Model{Provider: "ollama", ID: "whatever:7b", Name: "whatever:7b", Tools: true, Price: &catalogue.Price{}}, m)
	m, ok = c.Find("ollama", "big")
	require.True(t, ok)
	require.Equal(t, int64(8192), m.ContextWindow)
	require.NotNil(t, m.Price, "the entry for all holds for it as well")

	_, ok = c.Find("vllm", "other")
	require.False(t, ok)
}

func TestWrongOverridesAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		`{}`:                                "must be a JSON array of objects with provider and id: it is a object",
		`[`:                                 "must be a JSON array",
		`[] []`:                             "there is more text after its end",
		`[1]`:                               "model 1 of the list: it is a number",
		`[{"id":"m"}]`:                      "(/m) needs a provider of 1 to 32 small letters",
		`[{"provider":"Open AI","id":"m"}]`: "needs a provider",
		`[{"provider":"p","id":"a b"}]`:     "needs an id of 1 to 200 characters without spaces",
		`[{"provider":"p","id":"m","contextSize":1}]`:                                              `unknown field "contextSize"`,
		`[{"provider":"p","id":"m","contextWindow":0}]`:                                            "needs contextWindow as a whole number from 1",
		`[{"provider":"p","id":"m","contextWindow":"1"}]`:                                          "contextWindow can't be a string",
		`[{"provider":"p","id":"m","contextWindow":5,"outputLimit":6}]`:                            "outputLimit above its contextWindow",
		`[{"provider":"p","id":"m","price":{"input":1}}]`:                                          "needs price.input and price.output",
		`[{"provider":"p","id":"m","price":{"input":-1,"output":1}}]`:                              "needs price.input as USD per million tokens",
		`[{"provider":"p","id":"m","price":{"input":1e3,"output":1}}]`:                             "needs price.input",
		`[{"provider":"p","id":"m","price":{"input":1,"output":"0.0000001"}}]`:                     "needs price.output",
		`[{"provider":"p","id":"m","price":{"input":1,"output":1000001}}]`:                         "needs price.output",
		`[{"provider":"p","id":"m","price":{"input":1,"output":1,"cacheRead":"a"}}]`:               "needs price.cacheRead",
		`[{"provider":"p","id":"m","price":{"input":1,"output":1,"long":{"input":1,"output":1}}}]`: "needs price.long.above",
		`[{"provider":"p","id":"m","price":{"input":true,"output":1}}]`:                            "needs price.input",
		`[{"provider":"p","id":"m","asOf":"yesterday"}]`:                                           "needs asOf as a date like",
		`[{"provider":"p","id":"m"},{"provider":"p","id":"m"}]`:                                    "model 2 of the list (p/m) is there twice",
	} {
		_, err := catalogue.New([]byte(text))
		require.ErrorContains(t, err, problem, text)
	}
	_, err := catalogue.New([]byte(`[{"provider":"p","id":"m","asOf":"x"},{"provider":"","id":""}]`))
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
}

func TestDollarsAreExact(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0", catalogue.Dollars(0))
	require.Equal(t, "2.5", catalogue.Dollars(2_500_000))
	require.Equal(t, "0.003625", catalogue.Dollars(3625))
	rapid.Check(t, func(t *rapid.T) {
		pico := rapid.Int64Range(0, 1_000_000_000_000).Draw(t, "pico")
		text := `[{"provider":"p","id":"m","price":{"input":` + catalogue.Dollars(pico) + `,"output":"` + catalogue.Dollars(pico) + `"}}]`
		c, err := catalogue.New([]byte(text))
		require.NoError(t, err, text)
		m, _ := c.Find("p", "m")
		require.Equal(t, pico, m.Price.Input)
		require.Equal(t, pico, m.Price.Output)
	})
}

func FuzzOverrides(f *testing.F) {
	f.Add([]byte(`[{"provider":"p","id":"*","price":{"input":1,"output":"2","long":{"above":5,"input":1,"output":1}}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := catalogue.New(text)
		if err == nil {
			require.NotEmpty(t, c.Models())
		}
	})
}

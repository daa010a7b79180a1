package gqlreq_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

func TestDecodeRefusesWhatIsNotARequest(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":                  ``,
		"null":                   `null`,
		"a string":               `"{a}"`,
		"a batch":                ` [{"query":"{a}"}]`,
		"trailing JSON":          `{"query":"{a}"}{}`,
		"invalid UTF-8":          "{\"query\":\"{a\xff}\"}",
		"no query":               `{}`,
		"null query":             `{"query":null}`,
		"empty query":            `{"query":""}`,
		"a numeric query":        `{"query":1}`,
		"case is not folded":     `{"QUERY":"{a}"}`,
		"variables in an array":  `{"query":"{a}","variables":[]}`,
		"variables in a string":  `{"query":"{a}","variables":"{}"}`,
		"numeric operation name": `{"query":"{a}","operationName":1}`,
		"extensions in a string": `{"query":"{a}","extensions":""}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := gqlreq.Decode([]byte(body))
			require.NotNil(t, err)
			require.Equal(t, problem.BadInput, err.Code)
		})
	}
}

func TestDecodeTakesNullForAbsent(t *testing.T) {
	t.Parallel()
	params, err := gqlreq.Decode([]byte(`{"query":"{a}","operationName":null,"variables":null,"extensions":null,"other":1}`))
	require.Nil(t, err)
	require.Equal(t, &graphql.RawParams{Query: "{a}"}, params)
}

func TestNumbersReadAsLiteralsDo(t *testing.T) {
	t.Parallel()
	object, err := gqlreq.Object("variables", []byte(`{"i":9007199254740993,"f":1.5,"l":[{"i":-1}],"huge":1e999}`))
	require.Nil(t, err)
	require.Equal(t, map[string]any{
		"i": int64(9007199254740993), "f": 1.5,
		"l": []any{map[string]any{"i": int64(-1)}}, "huge": "1e999",
	}, object)
}

func TestVariableErrorsNameThePathAndNoGoType(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: `
		enum Colour { RED }
		input In { text: String! n: Int colour: Colour ids: [ID!] sub: In }
		type Query { f(input: In!): Int }`})
	doc, errs := gqlparser.LoadQueryWithRules(schema, `query($input: In!) { f(input: $input) }`, rules.NewDefaultRules())
	require.Empty(t, errs)

	for variables, want := range map[string][2]string{
		`{}`:                                {"input", `Variable "$input" is required`},
		`{"input":null}`:                    {"input", `Variable "$input" cannot be null`},
		`{"input":5}`:                       {"input", `Variable "$input" must be an object of type In`},
		`{"input":{}}`:                      {"input.text", `Variable "$input.text" is required`},
		`{"input":{"text":5}}`:              {"input.text", `Variable "$input.text" is not a valid String`},
		`{"input":{"text":{}}}`:             {"input.text", `Variable "$input.text" is not a valid String`},
		`{"input":{"text":"","n":1.5}}`:     {"input.n", `Variable "$input.n" is not a valid Int`},
		`{"input":{"text":"","colour":[]}}`: {"input.colour", `Variable "$input.colour" must be the name of an enum value`},
		`{"input":{"text":"","colour":"X is not a valid Y"}}`: {"input.colour", `Variable "$input.colour" is not a valid Colour`},
		`{"input":{"text":"","colour":1}}`:                    {"input.colour", `Variable "$input.colour" is not a valid Colour`},
		`{"input":{"text":"","ids":[true]}}`:                  {"input.ids[0]", `Variable "$input.ids[0]" is not a valid ID`},
		`{"input":{"text":"","ids":[1e300]}}`:                 {"input.ids[0]", `Variable "$input.ids[0]" is not a valid ID`},
		`{"input":{"text":"","x":1}}`:                         {"input.x", `Variable "$input.x" is not a field of the input type`},
	} {
		t.Run(variables, func(t *testing.T) {
			t.Parallel()
			values, bad := gqlreq.Object("variables", []byte(variables))
			require.Nil(t, bad)
			_, err := validator.VariableValues(schema, doc.Operations[0], values)
			var gqlErr *gqlerror.Error
			require.ErrorAs(t, err, &gqlErr)
			told := gqlreq.RequestErrors(gqlerror.List{gqlErr})[0]
			require.Equal(t, want[1], told.Message)
			require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": want[0]}, told.Extensions)
			require.Nil(t, told.Path, "a request error has no path into the data")
		})
	}
}

func TestRequestErrorsAreFewAndShort(t *testing.T) {
	t.Parallel()
	var list gqlerror.List
	for range 50 {
		list = append(list, gqlerror.Errorf("Unexpected Name %q", strings.Repeat("é", 1<<14)))
	}
	told := gqlreq.RequestErrors(list)
	require.Len(t, told, 10)
	for _, err := range told {
		require.LessOrEqual(t, len([]rune(err.Message)), 300)
		require.Equal(t, "GRAPHQL_VALIDATION_FAILED", err.Extensions["code"])
	}
}

func TestErrorsCarryTheirProblemForThePresenter(t *testing.T) {
	t.Parallel()
	err := gqlreq.RequestErrors(gqlerror.List{gqlerror.Wrap(problem.New(problem.RateLimited, "Slow down"))})[0]
	require.Equal(t, "RATE_LIMITED", err.Extensions["code"])
	require.True(t, problem.Is(errors.Unwrap(err), problem.RateLimited))
}

func TestEncodeTellsRequestErrorsFromResults(t *testing.T) {
	t.Parallel()
	list := gqlerror.List{{Message: "no"}}
	for want, resp := range map[string]*graphql.Response{
		`{"errors":[{"message":"no"}]}`:             {Errors: list, Extensions: map[string]any{}},
		`{"errors":[{"message":"no"}],"data":null}`: {Errors: list, Data: []byte("null")},
		`{"data":{"a":1},"extensions":{"b":2}}`:     {Data: []byte(`{"a":1}`), Extensions: map[string]any{"b": 2}},
		`{"data":null}`:                             {},
		"{\"data\":{\"a\":\"\uFFFD\"}}":             {Data: []byte("{\"a\":\"\xff\"}")},
	} {
		body, err := gqlreq.Encode(resp)
		require.NoError(t, err)
		require.Equal(t, want, string(body))
	}
}

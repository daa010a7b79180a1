package catalogue

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:generate go run ./compact models.tsv

// The tables have a line a model, of these columns, and comments after #:
//
//	provider, id, name, context window, output limit,
//	USD a million tokens: input, output, read from the cache, written to it (or "-": unpriced)
//	the price's day, the price of long prompts ("above input output read write"),
//	abilities, efforts; the last three may be empty
const columns = 13

var (
	//go:embed models.tsv
	modelsTable string

	//go:embed supplement.tsv
	supplementTable string
)

// parseTable reads a table. Only the tables of this package come here, so that an
// error is a mistake in the program.
func parseTable(table string) ([]Model, error) {
	models := make([]Model, 0, strings.Count(table, "\n"))
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		m, err := parseLine(strings.Split(line, "\t"))
		if err != nil {
			return nil, fmt.Errorf("catalogue: %w in the line %q", err, line)
		}
		models = append(models, m)
	}
	return models, nil
}

func parseLine(f []string) (Model, error) {
	if len(f) != columns {
		return Model{}, fmt.Errorf("%d columns", len(f))
	}
	m := Model{Provider: f[0], ID: f[1], Name: f[2]}
	var err error
	if m.ContextWindow, err = strconv.ParseInt(f[3], 10, 64); err != nil {
		return Model{}, err
	}
	if m.OutputLimit, err = strconv.ParseInt(f[4], 10, 64); err != nil {
		return Model{}, err
	}
	if f[5] != "-" {
		if m.Price, err = parsePrice(f[5:9], f[9], f[10]); err != nil {
			return Model{}, err
		}
	}
	for ability := range strings.SplitSeq(f[11], ",") {
		switch ability {
		case "tools":
			m.Tools = true
		case "images":
			m.Images = true
		case "reasoning":
			m.Reasoning = true
		case "":
		default:
			return Model{}, fmt.Errorf("ability %q", ability)
		}
	}
	if f[12] != "" {
		m.Efforts = strings.Split(f[12], ",")
	}
	return m, nil
}

func parsePrice(four []string, asOf, long string) (*Price, error) {
	p := &Price{AsOf: asOf}
	if err := dollars(four, &p.Input, &p.Output, &p.CacheRead, &p.CacheWrite); err != nil {
		return nil, err
	}
	if long == "" {
		return p, nil
	}
	f := strings.Fields(long)
	above, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil {
		return nil, err
	}
	p.Long = &LongPrice{Above: above}
	return p, dollars(f[1:], &p.Long.Input, &p.Long.Output, &p.Long.CacheRead, &p.Long.CacheWrite)
}

func dollars(words []string, into ...*int64) error {
	if len(words) != len(into) {
		return fmt.Errorf("%d prices", len(words))
	}
	for i, word := range words {
		pico, ok := parseDollars(word)
		if !ok {
			return fmt.Errorf("price %q", word)
		}
		*into[i] = pico
	}
	return nil
}

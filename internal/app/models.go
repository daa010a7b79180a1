package app

import (
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/record"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/recording"
)

// chooseModels makes the providers that are configured, and what picks among their
// models. The settings were checked when they were read.
func (a *App) chooseModels() error {
	servers, err := configured.Providers(a.cfg.Providers())
	if err != nil {
		return err
	}
	if p := a.options.Provider; p != nil {
		servers = []configured.Server{{Name: p.Name(), Provider: p, Models: []string{p.DefaultModel()}, Default: p.DefaultModel()}}
	}
	if a.cfg.RecordDir != "" {
		recorder, err := record.NewRecorder(a.cfg.RecordDir, recording.NewSource(a.db, a.files), Redactor(a.cfg), a.logger)
		if err != nil {
			return err
		}
		for i := range servers {
			servers[i].Provider = recorder.Provider(servers[i].Provider)
		}
	}
	known, err := catalogue.New(a.cfg.Models)
	if err != nil {
		return err
	}
	o := route.Options{Catalogue: known, Models: map[route.Tier][]string{
		route.Quick: a.cfg.ModelQuick, route.Standard: a.cfg.ModelStandard, route.Complex: a.cfg.ModelComplex,
	}}
	for _, s := range servers {
		o.Servers = append(o.Servers, route.Server(s))
	}
	a.provider = servers[0].Provider
	a.models, err = route.New(o)
	return err
}
